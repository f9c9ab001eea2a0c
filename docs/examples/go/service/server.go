package service

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	lookEvery  = time.Second
	stopWithin = 10 * time.Second
)

// Service is the parts put together; each service adds its routes.
type Service struct {
	Settings *Settings
	Client   *http.Client
	Tokens   *TokenEndpoint
	keys     *keys
	feed     *feed
	verifier *verifier
	mux      *http.ServeMux
}

// Run serves until SIGTERM, finishes what is being answered, and returns.
func Run(routes func(*Service)) {
	if err := run(routes); err != nil {
		slog.Error("ended", "error", err)
		os.Exit(1)
	}
}

func run(routes func(*Service)) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	settings, err := settings()
	if err != nil {
		return err
	}
	transport, err := newTransport(settings.CAFile)
	if err != nil {
		return err
	}
	s := &Service{Settings: settings, mux: http.NewServeMux(),
		Client: &http.Client{Transport: transport, Timeout: answerWithin}}
	s.Tokens = &TokenEndpoint{s.Client, settings}
	s.keys, err = newKeys(ctx, s.Client, settings.endpoint("/.well-known/jwks.json"), settings.JWKSInterval)
	if err != nil {
		return err
	}
	s.feed = newFeed(transport, settings, s.keys)
	s.verifier = newVerifier(settings, s.keys, s.feed)
	go s.feed.run(ctx)
	s.mux.HandleFunc("GET /healthz", s.health)
	routes(s)
	return s.serve(ctx)
}

func (s *Service) serve(ctx context.Context) error {
	certificate := &certificate{files: [2]string{s.Settings.CertFile, s.Settings.KeyFile}}
	if err := certificate.load(); err != nil {
		return err
	}
	go certificate.follow(ctx)
	server := &http.Server{
		Addr:              s.Settings.Address,
		Handler:           s.mux,
		TLSConfig:         &tls.Config{GetCertificate: certificate.get, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServeTLS("", "") }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	return server.Shutdown(last)
}

func (s *Service) health(w http.ResponseWriter, r *http.Request) {
	ready, status := s.keys.loaded(r.Context()) && s.feed.fresh(), http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, map[string]bool{"ready": ready})
}

// Handle adds a route for callers who have the scope.
func (s *Service) Handle(pattern, scope string, handle func(*http.Request, *Caller) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		caller, err := s.verifier.verify(r, scope)
		var body any
		if err == nil {
			body, err = handle(r, caller)
		}
		var refused *Refused
		var away *Unavailable
		switch {
		case err == nil:
			answer(w, http.StatusOK, body)
		case errors.As(err, &refused):
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q", refused.Code))
			answer(w, refused.Status, map[string]string{"error": refused.Code})
		case errors.As(err, &away):
			slog.Warn("unavailable", "error", err)
			answer(w, away.Status, map[string]string{"error": "temporarily_unavailable"})
		default:
			slog.Error("unexpected", "error", err)
			answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		}
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that went away needs no answer
}

// certificate is read again when its files change; a pair that does not match yet is left alone.
type certificate struct {
	files   [2]string
	current atomic.Pointer[tls.Certificate]
	seen    [2]time.Time
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

func (c *certificate) load() error {
	var seen [2]time.Time
	for i, file := range c.files {
		state, err := os.Stat(file)
		if err != nil {
			return err
		}
		seen[i] = state.ModTime()
	}
	if seen == c.seen {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	if err != nil {
		return err
	}
	c.current.Store(&pair)
	c.seen = seen
	return nil
}

func (c *certificate) follow(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := c.load(); err != nil {
				slog.Warn("certificate not renewed", "error", err)
			}
		}
	}
}
