package access

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/fault"
)

// Verifier checks whose a bearer token is; *entra.Directory is one. A token that is only out of time comes with its
// claims, for the vaults have their own clock.
type Verifier interface {
	Verify(raw string) (entra.Claims, error)
}

// Roles knows who was assigned what in a vault, or at an object in it, by their resource id.
type Roles interface {
	MayData(objectID, action, resource string) bool
}

// Config shapes a Guard. Every field but Roles, Clock and Region is required.
type Config struct {
	Tokens Verifier
	// Roles decides in vaults that go by RBAC; nil is nobody has any.
	Roles Roles
	// Authority is the origin a challenge sends the client of a vault host to, e.g. "https://login.azure.localhost:8443".
	Authority func(host string) string
	// Clock is the vaults' own idea of the time, by which a token is expired or not yet valid; nil is the machine's.
	Clock clock.Clock
	// Region is told in refusals; empty is "local".
	Region string
}

// Guard is the vaults' door keeper: a keyvault.Guard whose rules can be changed while it is asked.
type Guard struct {
	config Config

	mu    sync.RWMutex
	rules map[string]Rules // by lower-case vault name
}

// New makes a Guard that lets nobody in until rules are set.
func New(c Config) *Guard {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Region == "" {
		c.Region = "local"
	}
	c.Tokens = &recent{verifier: c.Tokens, claims: map[[sha256.Size]byte]entra.Claims{}}
	return &Guard{config: c, rules: map[string]Rules{}}
}

// Set replaces a vault's rules.
func (g *Guard) Set(vault string, r Rules) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rules[strings.ToLower(vault)] = r
}

// Remove forgets a vault's rules.
func (g *Guard) Remove(vault string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.rules, strings.ToLower(vault))
}

// Knows reports whether a vault has rules, be it such as let nobody in.
func (g *Guard) Knows(vault string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, known := g.rules[strings.ToLower(vault)]
	return known
}

// Rules gives a vault's rules; the zero Rules when there are none.
func (g *Guard) Rules(vault string) Rules {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.rules[strings.ToLower(vault)]
}

// Resource is the audience a vault host's tokens are for: https:// and the host without the vault's own label, with
// the port if the host has one.
func Resource(host string) string {
	_, suffix, _ := strings.Cut(strings.ToLower(host), ".")
	return "https://" + suffix
}

// Challenge is the WWW-Authenticate value for a vault. Clients split it at single spaces and take the tenant from the
// path, so its form is exact.
func (g *Guard) Challenge(vault, host string) string {
	return fmt.Sprintf(`Bearer authorization="%s/%s", resource="%s"`, g.config.Authority(host), g.Rules(vault).TenantID, Resource(host))
}

// Authenticate takes a token that the directory signed, in time by the vaults' clock, for this host's resource and of
// the vault's tenant. Where the text of a refusal is not known to be Key Vault's it is the validation library's.
func (g *Guard) Authenticate(vault, host, bearer string) (keyvault.Caller, error) {
	claims, err := g.config.Tokens.Verify(bearer)
	if err != nil && !errors.Is(err, entra.TokenExpired) && !errors.Is(err, entra.NotYetValid) {
		return keyvault.Caller{}, untrusted(err)
	}
	now := g.config.Clock.Now()
	wanted := Resource(host)
	home := issuerOf(g.Rules(vault).TenantID)
	switch {
	case !now.Before(claims.Expires):
		return keyvault.Caller{}, unauthorized("IDX10223", "Lifetime validation failed. The token is expired.")
	case now.Before(claims.NotBefore):
		return keyvault.Caller{}, unauthorized("IDX10222", "Lifetime validation failed. The token is not yet valid.")
	case claims.Audience != wanted:
		return keyvault.Caller{}, unauthorized("AKV10022", "Invalid audience. Expected %s, found: %s.", wanted, claims.Audience)
	case claims.Issuer != home:
		return keyvault.Caller{}, unauthorized("AKV10032", "Invalid issuer. Expected one of %s, found %s.", home, claims.Issuer)
	}
	return keyvault.Caller{TenantID: claims.TenantID, ObjectID: claims.ObjectID, AppID: claims.AppID, Issuer: claims.Issuer}, nil
}

// Authorize answers by the vault's rules as they are now.
func (g *Guard) Authorize(vault string, c keyvault.Caller, area keyvault.Area, action keyvault.Action, object string) *keyvault.Refusal {
	return refuse(vault, g.config.Region, g.Rules(vault), g.config.Roles, c, question{c.ObjectID, area, action, object})
}

func issuerOf(tenant string) string { return "https://sts.windows.net/" + tenant + "/" }

// untrusted words a token that is not one of the directory's.
func untrusted(err error) error {
	if errors.Is(err, entra.BadSignature) {
		return unauthorized("AKV10046", "Unable to resolve the key used for signature validation.")
	}
	return unauthorized("IDX12741", "The token is malformed.")
}

func unauthorized(code, format string, args ...any) error {
	e := fault.New(fault.Denied, "bearer token", format, args...)
	e.Remote = fault.Remote{Status: 401, Code: code}
	return e
}
