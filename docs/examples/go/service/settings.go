// Package service is what both services share: settings, keys, the revocation feed, checking and
// getting tokens, TLS.
package service

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Settings are the environment, read once; the contract is in ../../README.md.
type Settings struct {
	Address           string
	Issuer            string
	CAFile            string
	CertFile, KeyFile string
	ClientID          string
	clientSecret      string
	Audience          string
	// How often the JWKS is read again: keyfunc does not look at Cache-Control, so this must not be more
	// than grantd's keys.jwks_max_age.
	JWKSInterval time.Duration
	// user-service alone has these.
	ProfileURL, ProfileAudience string
}

func settings() (*Settings, error) {
	secret, err := os.ReadFile(os.Getenv("CLIENT_SECRET_FILE"))
	if err != nil {
		return nil, err
	}
	interval, err := time.ParseDuration(or(os.Getenv("JWKS_INTERVAL"), "5m"))
	if err != nil {
		return nil, fmt.Errorf("JWKS_INTERVAL: %w", err)
	}
	return &Settings{
		Address:         or(os.Getenv("BIND"), "127.0.0.1") + ":" + os.Getenv("PORT"),
		Issuer:          os.Getenv("ISSUER"),
		CAFile:          os.Getenv("CA_FILE"),
		CertFile:        os.Getenv("TLS_CERT_FILE"),
		KeyFile:         os.Getenv("TLS_KEY_FILE"),
		ClientID:        os.Getenv("CLIENT_ID"),
		clientSecret:    strings.TrimSpace(string(secret)),
		Audience:        os.Getenv("AUDIENCE"),
		JWKSInterval:    interval,
		ProfileURL:      os.Getenv("PROFILE_URL"),
		ProfileAudience: os.Getenv("PROFILE_AUDIENCE"),
	}, nil
}

func (s *Settings) endpoint(path string) string { return strings.TrimSuffix(s.Issuer, "/") + path }

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
