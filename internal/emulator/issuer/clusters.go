package issuer

import (
	"encoding/json"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// Clusters reviews the tokens of several clusters: of the one this issuer stands in for, and of others whose published
// keys are known. It is safe for concurrent use once it is filled.
type Clusters struct {
	own    *Issuer
	clock  clock.Clock
	others map[string]jose.JSONWebKeySet // by the issuer's URL, byte for byte
}

// NewClusters begins with the stand-in's own; its clock is everybody's.
func NewClusters(own *Issuer) *Clusters {
	return &Clusters{own: own, clock: own.clock, others: map[string]jose.JSONWebKeySet{}}
}

// Add makes another cluster's tokens known by the key set (RFC 7517) that its issuer publishes. Invalid when the text is
// none.
func (c *Clusters) Add(url string, keySet []byte) error {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(keySet, &keys); err != nil {
		return fault.Wrap(err, fault.Invalid, "issuer "+url, "its key set cannot be read")
	}
	c.others[url] = keys
	return nil
}

// Review is Issuer.Review by the issuer that the token names. Denied also when nobody here knows that issuer.
func (c *Clusters) Review(raw, audience string) (Account, error) {
	token, err := parse(raw)
	if err != nil {
		return Account{}, err
	}
	var named jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&named); err != nil { // only to choose whose keys to verify with
		return Account{}, fault.New(fault.Denied, tokenSubject, "its claims cannot be read")
	}
	if named.Issuer == c.own.url {
		return c.own.Review(raw, audience)
	}
	keys, known := c.others[named.Issuer]
	if !known {
		return Account{}, fault.New(fault.Denied, tokenSubject, "is of issuer %q, which is not among those known here", named.Issuer)
	}
	return review(raw, audience, named.Issuer, keys, c.clock.Now())
}
