package service

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"
)

const (
	mostTokens    = 10_000
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessToken   = "urn:ietf:params:oauth:token-type:access_token"
)

// TokenEndpoint gets tokens: our own by client credentials, and others' by token exchange.
type TokenEndpoint struct {
	client   *http.Client
	settings *Settings
}

// ClientCredentials gets a token of our own.
func (t *TokenEndpoint) ClientCredentials(ctx context.Context, resource, scope string) (*oauth2.Token, error) {
	return t.token(ctx, url.Values{"resource": {resource}}, scope)
}

// Exchange makes of the caller's token one for resource (RFC 8693).
func (t *TokenEndpoint) Exchange(ctx context.Context, subject, resource, scope string) (*oauth2.Token, error) {
	token, err := t.token(ctx, url.Values{
		"grant_type": {grantExchange}, // the package lets it be overridden
		"resource":   {resource}, "subject_token": {subject}, "subject_token_type": {accessToken},
	}, scope)
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode == "invalid_request" {
		return nil, errInvalidToken // grantd knows already that the caller's has ended
	}
	return token, err
}

func (t *TokenEndpoint) token(ctx context.Context, parameters url.Values, scope string) (*oauth2.Token, error) {
	config := clientcredentials.Config{
		ClientID:       t.settings.ClientID,
		ClientSecret:   t.settings.clientSecret,
		TokenURL:       t.settings.endpoint("/token"),
		Scopes:         []string{scope},
		EndpointParams: parameters,
		AuthStyle:      oauth2.AuthStyleInHeader, // else it tries both ways, and a failure counts twice
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, t.client))
	if err != nil {
		return nil, unavailable(withoutBody(err))
	}
	return token, nil
}

// withoutBody: the package's message holds the whole answer, which does not belong into a log.
func withoutBody(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		refused.Body = nil
	}
	return err
}

type cached struct {
	token   string
	renewAt time.Time
	expires time.Time
}

// TokenCache keeps tokens by key. Whoever asks while one is being fetched waits for that one.
type TokenCache struct {
	lock   sync.Mutex
	tokens map[string]cached
	flight singleflight.Group
}

// Get returns a token from the cache, or what fetch brings.
func (c *TokenCache) Get(ctx context.Context, key string,
	fetch func(context.Context) (*oauth2.Token, error)) (string, error) {
	now := time.Now()
	c.lock.Lock()
	old, found := c.tokens[key]
	c.lock.Unlock()
	if found && now.Before(old.renewAt) {
		return old.token, nil
	}
	fresh, err, _ := c.flight.Do(key, func() (any, error) {
		// A caller that goes away does not take the others' token along.
		token, err := fetch(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		return c.put(key, token), nil
	})
	var away *Unavailable
	if errors.As(err, &away) && found && now.Before(old.expires) {
		return old.token, nil // not renewed, and good for a while yet
	}
	if err != nil {
		return "", err
	}
	return fresh.(string), nil
}

// Drop forgets that token, unless another has taken its place already.
func (c *TokenCache) Drop(key, token string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.tokens[key].token == token {
		delete(c.tokens, key)
	}
}

func (c *TokenCache) put(key string, token *oauth2.Token) string {
	now := time.Now()
	life := token.Expiry.Sub(now)
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.tokens == nil || len(c.tokens) >= mostTokens {
		c.forget(now)
	}
	c.tokens[key] = cached{token.AccessToken, token.Expiry.Add(-min(30*time.Second, life/5)), token.Expiry}
	return token.AccessToken
}

// forget drops the expired tokens, or all where none has expired.
func (c *TokenCache) forget(now time.Time) {
	kept := map[string]cached{}
	for key, entry := range c.tokens {
		if now.Before(entry.expires) {
			kept[key] = entry
		}
	}
	if len(kept) >= mostTokens {
		kept = map[string]cached{}
	}
	c.tokens = kept
}
