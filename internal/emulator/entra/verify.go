package entra

import (
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"strongroom/internal/fault"
)

// Claims is what a verified access token says.
type Claims struct {
	Audience   string // the resource, as it was requested
	Issuer     string // https://sts.windows.net/{tenant}/
	TenantID   string
	ObjectID   string
	AppID      string
	Subject    string
	ResourceID string // xms_mirid; managed identities only
	ID         string // uti
	Proof      Proof
	Continuous bool
	IssuedAt   time.Time
	NotBefore  time.Time
	Expires    time.Time
}

// Reason is why a token or a request for one was refused; errors.Is finds it in the errors of Issue and Verify.
type Reason string

// The reasons.
const (
	Malformed       Reason = "malformed"        // not a JWT signed with RS256
	BadSignature    Reason = "bad signature"    // signed by a key that is not ours
	TokenExpired    Reason = "expired"          // past its exp
	NotYetValid     Reason = "not yet valid"    // before its nbf
	UnknownResource Reason = "unknown resource" // no service principal of that name: AADSTS500011
	UnknownObject   Reason = "unknown object"   // no principal of that id
)

// Error is the reason in words.
func (r Reason) Error() string { return string(r) }

// Verify checks that a token is one of ours and in time, by the directory's clock and to the second. Whether it is for
// the right audience, and from the right tenant, is for the resource to judge. A principal removed since changes
// nothing. The claims are also given with TokenExpired and NotYetValid. Denied, or Expired, with the Reason as cause;
// the error holds nothing of the token.
func (d *Directory) Verify(raw string) (Claims, error) {
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return Claims{}, fault.Wrap(Malformed, fault.Denied, "access token", "is not a JWT signed with RS256")
	}
	key, err := d.key()
	if err != nil {
		return Claims{}, err
	}
	var wire wireClaims
	if err := parsed.Claims(key.public.Key, &wire); err != nil {
		return Claims{}, fault.Wrap(BadSignature, fault.Denied, "access token", "was not signed by this directory")
	}
	claims := wire.read()
	return claims, claims.inTime(d.clock.Now())
}

func (c Claims) inTime(now time.Time) error {
	switch {
	case !now.Before(c.Expires):
		return fault.Wrap(TokenExpired, fault.Expired, "access token", "was good until %s", c.Expires.Format(time.RFC3339))
	case now.Before(c.NotBefore):
		return fault.Wrap(NotYetValid, fault.Expired, "access token", "is good from %s", c.NotBefore.Format(time.RFC3339))
	}
	return nil
}

func (w *wireClaims) read() Claims {
	return Claims{
		Audience: w.Audience, Issuer: w.Issuer, TenantID: w.TenantID, ObjectID: w.ObjectID, AppID: w.AppID,
		Subject: w.Subject, ResourceID: w.ResourceID, ID: w.ID, Proof: w.Proof, Continuous: len(w.Capabilities) > 0,
		IssuedAt: w.IssuedAt.Time().UTC(), NotBefore: w.NotBefore.Time().UTC(), Expires: w.Expires.Time().UTC(),
	}
}
