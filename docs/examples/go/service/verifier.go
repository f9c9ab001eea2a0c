package service

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const leeway = time.Second

// Refused becomes the answer of RFC 6750 §3.
type Refused struct {
	Status int
	Code   string
}

func (r *Refused) Error() string { return r.Code }

var (
	errInvalidToken      = &Refused{http.StatusUnauthorized, "invalid_token"}
	errInsufficientScope = &Refused{http.StatusForbidden, "insufficient_scope"}
)

// Actor is the claim `act` of RFC 8693 §4.1.
type Actor struct {
	Subject string `json:"sub"`
	Actor   *Actor `json:"act"`
}

// Claims of an access token.
type Claims struct {
	jwt.RegisteredClaims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	RootID   string `json:"root_jti"`
	Actor    *Actor `json:"act"`
}

// Actors names those who act, the outermost first.
func (c *Claims) Actors() []string {
	actors := []string{}
	for actor := c.Actor; actor != nil; actor = actor.Actor {
		actors = append(actors, actor.Subject)
	}
	return actors
}

// Caller is whose token was checked.
type Caller struct {
	Token  string
	Claims *Claims
}

// verifier checks a caller's token without asking anybody.
type verifier struct {
	parser *jwt.Parser
	keys   *keys
	feed   *feed
}

func newVerifier(settings *Settings, keys *keys, feed *feed) *verifier {
	return &verifier{
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(settings.Issuer),
			jwt.WithAudience(settings.Audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway)),
		keys: keys,
		feed: feed,
	}
}

func (v *verifier) verify(request *http.Request, scope string) (*Caller, error) {
	if !v.feed.loaded() {
		return nil, &Unavailable{http.StatusServiceUnavailable, errors.New("the revocations are not loaded yet")}
	}
	scheme, text, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, errInvalidToken
	}
	claims := &Claims{}
	token, err := v.parser.ParseWithClaims(text, claims, v.keys.find)
	if err != nil {
		return nil, errors.Join(errInvalidToken, err)
	}
	kid, _ := token.Header["kid"].(string)
	typ, _ := token.Header["typ"].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/") // RFC 9068 §4
	if typ != "at+jwt" || claims.ID == "" || claims.IssuedAt == nil || v.feed.revokes(claims, kid) {
		return nil, errInvalidToken
	}
	if !slices.Contains(strings.Fields(claims.Scope), scope) {
		return nil, errInsufficientScope
	}
	return &Caller{text, claims}, nil
}
