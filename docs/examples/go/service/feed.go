package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	feedWait         = 30 * time.Second
	longestPause     = 5 * time.Second
	staleAfter       = time.Minute // without an answer for so long, we are not ready
	revocationsTyp   = "revocations+jwt"
	feedAnswerWithin = feedWait + 10*time.Second
)

type notBefore struct {
	IssuedAt int64 `json:"iat"` // tokens issued until then are refused
	Expires  int64 `json:"exp"` // when this may be forgotten
}

// document is one answer of the feed.
type document struct {
	jwt.RegisteredClaims
	Seq          int64                `json:"seq"`
	Full         bool                 `json:"full"`
	Revoked      map[string]int64     `json:"revoked"`
	NotBefore    map[string]notBefore `json:"not_before"`
	NotBeforeAll *notBefore           `json:"not_before_all"`
	Kids         []string             `json:"kids"`
}

// feed knows what was revoked: a long poll holds grantd's revocation feed open, and each answer is merged.
type feed struct {
	client   *http.Client
	settings *Settings
	keys     *keys
	parser   *jwt.Parser

	lock         sync.RWMutex
	seq          *int64 // the cursor: nothing that changed behind it is missed
	revoked      map[string]int64
	notBefore    map[string]notBefore
	notBeforeAll *notBefore
	kids         []string
	heard        time.Time
}

func newFeed(transport http.RoundTripper, settings *Settings, keys *keys) *feed {
	return &feed{
		client:   &http.Client{Transport: transport, Timeout: feedAnswerWithin},
		settings: settings,
		keys:     keys,
		parser:   jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(settings.Issuer)),
	}
}

func (f *feed) loaded() bool {
	f.lock.RLock()
	defer f.lock.RUnlock()
	return f.seq != nil
}

func (f *feed) fresh() bool {
	f.lock.RLock()
	defer f.lock.RUnlock()
	return time.Since(f.heard) < staleAfter
}

// revokes says whether a token of these verified claims, signed with kid, is to be refused.
func (f *feed) revokes(claims *Claims, kid string) bool {
	f.lock.RLock()
	defer f.lock.RUnlock()
	_, itself := f.revoked[claims.ID]
	_, root := f.revoked[claims.RootID]
	if itself || root || slices.Contains(f.kids, kid) {
		return true
	}
	issued := claims.IssuedAt.Unix()
	for _, party := range append(claims.Actors(), claims.ClientID, claims.Subject) {
		if limit, found := f.notBefore[party]; found && issued <= limit.IssuedAt {
			return true
		}
	}
	return f.notBeforeAll != nil && issued <= f.notBeforeAll.IssuedAt
}

// run goes on until ctx ends. The cursor stays where it was while grantd is away, and the first question
// after that does not wait, so that we soon know that we are fresh again. Where an answer says that there
// is `more`, the next question is answered at once, whatever it would wait.
func (f *feed) run(ctx context.Context) {
	for failures, wait := 0, feedWait; ctx.Err() == nil; {
		err := f.ask(ctx, wait)
		if err == nil {
			failures, wait = 0, feedWait
			continue
		}
		if ctx.Err() == nil {
			slog.Warn("revocations", "error", err)
		}
		failures, wait = failures+1, 0
		select {
		case <-ctx.Done():
		case <-time.After(backoff(failures, longestPause)):
		}
	}
}

func (f *feed) ask(ctx context.Context, wait time.Duration) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.settings.endpoint("/revocations"), nil)
	if err != nil {
		return err
	}
	request.SetBasicAuth(f.settings.ClientID, f.settings.clientSecret)
	request.URL.RawQuery = f.cursor(wait).Encode()
	answer, err := f.client.Do(request)
	if err != nil {
		return err
	}
	body, err := bodyOf(answer)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("answers %d", answer.StatusCode)
	}
	changes := &document{}
	token, err := f.parser.ParseWithClaims(string(body), changes, f.keys.find)
	if err != nil {
		return err
	}
	if token.Header["typ"] != revocationsTyp {
		return fmt.Errorf("typ is %v", token.Header["typ"])
	}
	f.merge(changes)
	return nil
}

func (f *feed) cursor(wait time.Duration) url.Values {
	f.lock.RLock()
	defer f.lock.RUnlock()
	query := url.Values{}
	if f.seq != nil {
		query.Set("since", strconv.FormatInt(*f.seq, 10))
		query.Set("wait", strconv.Itoa(int(wait.Seconds())))
	}
	return query
}

func (f *feed) merge(changes *document) {
	f.lock.Lock()
	defer f.lock.Unlock()
	if changes.Full || f.revoked == nil {
		f.revoked, f.notBefore, f.notBeforeAll = map[string]int64{}, map[string]notBefore{}, nil
	}
	for id, end := range changes.Revoked {
		f.revoked[id] = end
	}
	for client, limit := range changes.NotBefore {
		f.notBefore[client] = limit
	}
	if changes.NotBeforeAll != nil {
		f.notBeforeAll = changes.NotBeforeAll
	}
	now := time.Now().Unix()
	for id, end := range f.revoked {
		if end <= now {
			delete(f.revoked, id)
		}
	}
	for client, limit := range f.notBefore {
		if limit.Expires <= now {
			delete(f.notBefore, client)
		}
	}
	f.kids, f.seq, f.heard = changes.Kids, &changes.Seq, time.Now()
}
