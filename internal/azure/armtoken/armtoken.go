// Package armtoken keeps the token that Azure Resource Manager is asked with: one login serves every call until it is
// nearly over, however many callers want it at once. Who logs in is what azure.json or the environment says at that
// moment.
package armtoken

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"strongroom/internal/azure/azurejson"
	"strongroom/internal/azure/token"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// Tokens are the two ways of logging in; *token.Client is one.
type Tokens interface {
	ClientSecret(context.Context, token.Target, secret.Value) (token.Token, error)
	Managed(context.Context, token.Target) (token.Token, error)
}

// Config holds what a Source needs.
type Config struct {
	// Settings says who logs in and where; it is called for each token, so it should keep what it has. Required.
	Settings func() (azurejson.Config, error)
	// Tokens logs in. Required.
	Tokens Tokens
	// Clock is the machine's when nil.
	Clock clock.Clock
	// Observer is told of each login: how long it took and what it came to. nil tells nobody.
	Observer func(took time.Duration, err error)
}

// Source gives tokens. It is safe for concurrent use, starts nothing and needs no closing.
type Source struct {
	config Config
	pool   *share.Pool
	key    [32]byte // of fingerprints, this process's alone

	mu        sync.Mutex
	last      share.Answer[kept] // the token handed out last
	renewed   time.Time          // when a refusal last made a token be thrown away
	notBefore time.Time          // tokens asked for earlier are not taken
}

// refusedPause is the least time between two logins that refusals lead to. A new token of a caller that is refused for
// what it is would be refused likewise.
const refusedPause = 30 * time.Second

// New makes a Source; it asks for nothing.
func New(c Config) *Source {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	s := &Source{config: c, pool: share.New(share.Config{Clock: c.Clock})}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

// kept is a token as the pool keeps it.
type kept struct{ token.Token }

// Size is for the pool's bound on memory.
func (k kept) Size() int { return 512 + k.Value.Len() }

// Life is for its time table.
func (k kept) Life() (refreshOn, expiresOn time.Time) { return k.RefreshOn, k.ExpiresOn }

// Token is a token for the resource manager. It is renewed ahead of its end, and while that fails the old one serves.
// Errors are the settings' or the login's.
func (s *Source) Token(ctx context.Context) (secret.Value, error) {
	settings, err := s.config.Settings()
	if err != nil {
		return secret.Value{}, err
	}
	if settings.Cloud.ManagerResource == "" {
		return secret.Value{}, fault.New(fault.Invalid, "cloud "+settings.Cloud.Name, "has no resource manager")
	}
	s.mu.Lock()
	notBefore := s.notBefore
	s.mu.Unlock()
	want := share.Want{
		Grant:     share.Grant{Principal: s.principal(settings)},
		Vault:     issuer(settings),
		Name:      "token " + settings.Cloud.ManagerResource,
		NotBefore: notBefore,
	}
	got, err := share.GetToken(ctx, s.pool, want, func(ctx context.Context) (kept, error) { return s.login(ctx, settings) })
	if err != nil {
		return secret.Value{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !got.AskedAt.Before(s.last.AskedAt) { // a slow caller may bring an older one
		s.last = got
	}
	return got.Value.Value, nil
}

// Refused says that the resource manager did not take a token. The next one is then a new one: once, however many callers
// were refused with the same, and not again for half a minute.
func (s *Source) Refused(refused secret.Value) {
	now := s.config.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.Value.Value.Equal(refused) || !s.renewed.IsZero() && now.Sub(s.renewed) < refusedPause {
		return
	}
	s.renewed, s.notBefore = now, s.last.AskedAt.Add(time.Nanosecond)
}

// principal is who logs in. Whatever changes in it makes another principal, to whom no old token is given.
func (s *Source) principal(c azurejson.Config) secret.Principal {
	p := secret.Principal{Mode: c.Mode, Cloud: c.Cloud.Name, Authority: c.Cloud.Authority, Tenant: c.Tenant, Client: c.ClientID}
	if c.Mode == secret.ServicePrincipal {
		mac := hmac.New(sha256.New, s.key[:])
		mac.Write(c.ClientSecret.Reveal())
		p.Evidence = hex.EncodeToString(mac.Sum(nil))
	}
	return p
}

// issuer is whose budget a login is charged to.
func issuer(c azurejson.Config) string {
	if c.Mode == secret.ManagedIdentity {
		return "imds"
	}
	return c.Cloud.Authority
}
