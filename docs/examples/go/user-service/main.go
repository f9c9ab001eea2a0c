// UserService asks ProfileService in its caller's name (token exchange), or in its own.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"example.com/grantd-examples/service"
)

const scope = "profiles:read"

type user struct {
	ID      string          `json:"id"`
	Via     string          `json:"via"`
	Profile json.RawMessage `json:"profile"`
}

func main() {
	service.Run(func(s *service.Service) {
		profiles := &profiles{service: s}
		s.Handle("GET /users/{id}", "users:read", func(r *http.Request, caller *service.Caller) (any, error) {
			// A jti names one token: that it was verified, we know.
			return profiles.get(r, "exchange", caller.Claims.ID, func(ctx context.Context) (*oauth2.Token, error) {
				return s.Tokens.Exchange(ctx, caller.Token, s.Settings.ProfileAudience, scope)
			})
		})
		s.Handle("GET /users/{id}/summary", "users:read", func(r *http.Request, _ *service.Caller) (any, error) {
			return profiles.get(r, "client_credentials", "our own", func(ctx context.Context) (*oauth2.Token, error) {
				return s.Tokens.ClientCredentials(ctx, s.Settings.ProfileAudience, scope)
			})
		})
	})
}

// profiles asks profile-service, with tokens from its cache.
type profiles struct {
	service *service.Service
	tokens  service.TokenCache
}

// get: where the cached token was refused, once more with a fresh one.
func (p *profiles) get(r *http.Request, via, key string,
	fetch func(context.Context) (*oauth2.Token, error)) (*user, error) {
	id := r.PathValue("id")
	for attempt := 1; ; attempt++ {
		token, err := p.tokens.Get(r.Context(), key, fetch)
		if err != nil {
			return nil, err
		}
		status, profile, err := p.ask(r.Context(), id, token)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			return &user{id, via, profile}, nil
		case status == http.StatusUnauthorized && attempt == 1:
			p.tokens.Drop(key, token)
		case status == http.StatusServiceUnavailable:
			return nil, &service.Unavailable{Status: status, Cause: fmt.Errorf("profile-service answers %d", status)}
		default:
			return nil, &service.Unavailable{Status: http.StatusBadGateway,
				Cause: fmt.Errorf("profile-service answers %d", status)}
		}
	}
}

func (p *profiles) ask(ctx context.Context, id, token string) (int, json.RawMessage, error) {
	target := p.service.Settings.ProfileURL + "/profiles/" + url.PathEscape(id)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return p.service.Do(request)
}
