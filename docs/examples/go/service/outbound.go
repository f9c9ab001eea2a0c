package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	tries        = 3
	firstPause   = 100 * time.Millisecond
	answerWithin = 5 * time.Second
	mostBody     = 8 << 20
)

// Unavailable: somebody we need did not answer as hoped; Status is what our own caller gets.
type Unavailable struct {
	Status int
	Cause  error
}

func (u *Unavailable) Error() string { return u.Cause.Error() }
func (u *Unavailable) Unwrap() error { return u.Cause }

// unavailable gives an error of an outbound call the status that fits.
func unavailable(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &Unavailable{http.StatusGatewayTimeout, err}
	}
	return &Unavailable{http.StatusBadGateway, err}
}

// newTransport trusts one authority and bounds its connections.
func newTransport(caFile string) (http.RoundTripper, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate", caFile)
	}
	return retrying{&http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		TLSHandshakeTimeout: 2 * time.Second,
		MaxConnsPerHost:     50,
		MaxIdleConnsPerHost: 20,
		// Left before the other side leaves them: no request meets a closed one.
		IdleConnTimeout: 3 * time.Second,
	}}, nil
}

// retrying tries again where the request cannot have had an effect: no connection, or 503.
type retrying struct{ base http.RoundTripper }

func (r retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	for failures := 1; ; failures++ {
		attempt := request.Clone(request.Context())
		if request.GetBody != nil {
			body, err := request.GetBody()
			if err != nil {
				return nil, err
			}
			attempt.Body = body
		}
		answer, err := r.base.RoundTrip(attempt)
		var failed *net.OpError
		again := err == nil && answer.StatusCode == http.StatusServiceUnavailable ||
			errors.As(err, &failed) && failed.Op == "dial"
		if !again || failures == tries {
			return answer, err
		}
		if err == nil {
			answer.Body.Close()
		}
		select {
		case <-request.Context().Done():
			return nil, request.Context().Err()
		case <-time.After(backoff(failures, 4*firstPause)):
		}
	}
}

// backoff is twice as long each time, `most` at most, with jitter.
func backoff(failures int, most time.Duration) time.Duration {
	pause := min(most, firstPause<<min(failures, 16))
	return pause/2 + rand.N(pause/2)
}

// Do sends a request; its errors are Unavailable.
func (s *Service) Do(request *http.Request) (int, []byte, error) {
	answer, err := s.Client.Do(request)
	if err != nil {
		return 0, nil, unavailable(err)
	}
	body, err := bodyOf(answer)
	if err != nil {
		return 0, nil, unavailable(err)
	}
	return answer.StatusCode, body, nil
}

func bodyOf(answer *http.Response) ([]byte, error) {
	defer answer.Body.Close()
	return io.ReadAll(io.LimitReader(answer.Body, mostBody))
}
