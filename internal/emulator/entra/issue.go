package entra

import (
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// A token signed within the last recentWindow serves a second request of the same sort, because an RSA signature costs
// a millisecond and a burst of pods asks for hundreds. Real Entra does not do that, but nobody can tell: its lifetime
// is counted from its own times. The map is emptied when it holds maxRecent.
const (
	recentWindow = 5 * time.Second
	maxRecent    = 1024
)

type recentKey struct {
	objectID, resource string
	proof              Proof
	continuous         bool
	lifetime           time.Duration
}

// wireClaims is a version 1.0 access token for an application.
type wireClaims struct {
	Audience     string          `json:"aud"`
	Issuer       string          `json:"iss"`
	IssuedAt     jwt.NumericDate `json:"iat"`
	NotBefore    jwt.NumericDate `json:"nbf"`
	Expires      jwt.NumericDate `json:"exp"`
	AppID        string          `json:"appid"`
	Proof        Proof           `json:"appidacr"`
	Provider     string          `json:"idp"`
	Type         string          `json:"idtyp"`
	ObjectID     string          `json:"oid"`
	Subject      string          `json:"sub"`
	TenantID     string          `json:"tid"`
	ID           string          `json:"uti"`
	Version      string          `json:"ver"`
	Capabilities []string        `json:"xms_cc,omitempty"`
	ResourceID   string          `json:"xms_mirid,omitempty"`
}

// Issue signs an access token for the principal with that object id. It asks for no credential: the caller has checked
// one, or is the machine the identity belongs to. NotFound with UnknownObject or UnknownResource when there is nobody
// or nothing of that name.
func (d *Directory) Issue(objectID, resource string, g Grant) (Token, error) {
	principal, ok := d.Find(objectID)
	if !ok || !equalID(principal.ObjectID, objectID) {
		return Token{}, fault.Wrap(UnknownObject, fault.NotFound, "object "+objectID, "is not in the directory")
	}
	if !d.KnowsResource(resource) {
		return Token{}, fault.Wrap(UnknownResource, fault.NotFound, "resource "+resource,
			"has no service principal in tenant %s", principal.TenantID)
	}
	if g.Proof == "" {
		g.Proof = ByAssertion
	}
	key := recentKey{principal.ObjectID, resource, g.Proof, g.Continuous, d.lifetimeOf(g)}
	now := d.clock.Now().UTC().Truncate(time.Second)
	if t, ok := d.recentToken(key, now); ok && !g.Fresh {
		return t, nil
	}
	t := Token{Principal: principal, Resource: resource, NotBefore: now, ExpiresOn: now.Add(key.lifetime)}
	if err := d.sign(&t, g); err != nil {
		return Token{}, err
	}
	d.remember(key, t)
	return t, nil
}

func (d *Directory) lifetimeOf(g Grant) time.Duration {
	switch {
	case g.Lifetime != 0:
		return g.Lifetime
	case g.Continuous:
		return d.continuous
	}
	return d.lifetime
}

func (d *Directory) sign(t *Token, g Grant) error {
	key, err := d.key()
	if err != nil {
		return err
	}
	raw, err := jwt.Signed(key.signer).Claims(claimsOf(*t, g)).Serialize()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "token for "+t.Principal.Name, "cannot be signed")
	}
	t.Value = secret.NewValue([]byte(raw))
	return nil
}

func claimsOf(t Token, g Grant) wireClaims {
	p := t.Principal
	c := wireClaims{
		Audience:  t.Resource,
		Issuer:    tokenIssuer(p.TenantID),
		IssuedAt:  *jwt.NewNumericDate(t.NotBefore),
		NotBefore: *jwt.NewNumericDate(t.NotBefore),
		Expires:   *jwt.NewNumericDate(t.ExpiresOn),
		AppID:     p.ClientID, Proof: g.Proof, Provider: tokenIssuer(p.TenantID), Type: "app",
		ObjectID: p.ObjectID, Subject: p.ObjectID, TenantID: p.TenantID, ID: newGUID(), Version: "1.0",
		ResourceID: p.ResourceID,
	}
	if g.Continuous {
		c.Capabilities = []string{"CP1"}
	}
	return c
}

func tokenIssuer(tenantID string) string { return "https://sts.windows.net/" + tenantID + "/" }

func (d *Directory) recentToken(key recentKey, now time.Time) (Token, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, ok := d.recent[key]
	age := now.Sub(t.NotBefore)
	return t, ok && age >= 0 && age < recentWindow && now.Before(t.ExpiresOn)
}

func (d *Directory) remember(key recentKey, t Token) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.recent) >= maxRecent {
		clear(d.recent)
	}
	d.recent[key] = t
}
