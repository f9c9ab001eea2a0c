package service

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"golang.org/x/time/rate"
)

// Between look-ups of unknown kids, else anybody could make us hammer grantd.
const coolDown = 2 * time.Second

// newKeys reads the JWKS again every interval, and at once for an unknown kid; a failure leaves what is
// there. It does not wait for grantd to be there.
func newKeys(ctx context.Context, client *http.Client, url string, interval time.Duration) (keyfunc.Keyfunc, error) {
	return keyfunc.NewDefaultOverrideCtx(ctx, []string{url}, keyfunc.Override{
		Client:            client,
		HTTPTimeout:       answerWithin,
		RefreshInterval:   interval,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(coolDown), 1),
		RateLimitWaitMax:  time.Millisecond, // within the cool-down an unknown kid is refused at once
		RefreshErrorHandlerFunc: func(url string) func(context.Context, error) {
			return func(_ context.Context, err error) { slog.Warn("jwks", "error", err) }
		},
	})
}
