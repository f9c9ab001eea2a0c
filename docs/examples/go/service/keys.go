package service

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Between look-ups of unknown kids, else anybody could make us hammer grantd.
const coolDown = 2 * time.Second

// keys are grantd's public keys.
type keys struct {
	set    keyfunc.Keyfunc
	flight singleflight.Group
}

func (k *keys) loaded(ctx context.Context) bool {
	found, err := k.set.Storage().KeyReadAll(ctx)
	return err == nil && len(found) > 0
}

// find is a jwt.Keyfunc. Those who ask for one kid at a time share one look-up: with a new key, the
// cool-down would let the first one in and refuse the others. The parser has checked `alg` before.
func (k *keys) find(token *jwt.Token) (any, error) {
	kid, _ := token.Header["kid"].(string)
	key, err, _ := k.flight.Do(kid, func() (any, error) { return k.set.Keyfunc(token) })
	return key, err
}

// newKeys reads the JWKS again every interval, and at once for an unknown kid; a failure leaves what is
// there. It does not wait for grantd to be there.
func newKeys(ctx context.Context, client *http.Client, url string, interval time.Duration) (*keys, error) {
	set, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{url}, keyfunc.Override{
		Client:            client,
		HTTPTimeout:       answerWithin,
		RefreshInterval:   interval,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(coolDown), 1),
		RateLimitWaitMax:  time.Millisecond, // within the cool-down an unknown kid is refused at once
		RefreshErrorHandlerFunc: func(url string) func(context.Context, error) {
			return func(_ context.Context, err error) { slog.Warn("jwks", "error", err) }
		},
	})
	return &keys{set: set}, err
}
