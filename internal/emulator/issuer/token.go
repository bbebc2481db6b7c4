package issuer

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Account is a service account and, if the token is bound to one, its pod.
type Account struct {
	Namespace string
	Name      string
	Pod       string // empty: the token is not bound to a pod
}

// Subject is the account as it stands in a token's sub claim.
func (a Account) Subject() string { return "system:serviceaccount:" + a.Namespace + ":" + a.Name }

type named struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// kubernetesClaim says what the token is bound to.
type kubernetesClaim struct {
	Namespace string `json:"namespace"`
	Pod       *named `json:"pod,omitempty"`
	Account   named  `json:"serviceaccount"`
}

// tokenClaims lists the audience as an array always, as Kubernetes does.
type tokenClaims struct {
	Audience   []string        `json:"aud"`
	Expires    int64           `json:"exp"`
	IssuedAt   int64           `json:"iat"`
	Issuer     string          `json:"iss"`
	ID         string          `json:"jti"`
	Kubernetes kubernetesClaim `json:"kubernetes.io"`
	NotBefore  int64           `json:"nbf"`
	Subject    string          `json:"sub"`
}

// Mint signs a token for one audience that expires ttl from now, to the second. Unlike a cluster it has no least ttl,
// so that tests may have tokens that expire soon. Invalid without namespace, name, audience or a positive ttl.
func (i *Issuer) Mint(a Account, audience string, ttl time.Duration) (secret.Value, time.Time, error) {
	if a.Namespace == "" || a.Name == "" || audience == "" || ttl <= 0 {
		return secret.Value{}, time.Time{}, fault.New(fault.Invalid, tokenSubject,
			"needs a namespace, a name, an audience and a positive lifetime")
	}
	key, err := i.current()
	if err != nil {
		return secret.Value{}, time.Time{}, err
	}
	now := i.clock.Now().UTC().Truncate(time.Second)
	expires := now.Add(ttl).Truncate(time.Second)
	raw, err := jwt.Signed(key.signer).Claims(i.claims(a, audience, now, expires)).Serialize()
	if err != nil {
		return secret.Value{}, time.Time{}, fault.Wrap(err, fault.Internal, tokenSubject, "cannot be signed")
	}
	return secret.NewValue([]byte(raw)), expires, nil
}

func (i *Issuer) claims(a Account, audience string, now, expires time.Time) tokenClaims {
	c := tokenClaims{
		Audience: []string{audience}, Issuer: i.url, Subject: a.Subject(),
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: expires.Unix(),
		ID: uidOf("token", a.Namespace, a.Name, a.Pod, audience, now.String()),
		Kubernetes: kubernetesClaim{
			Namespace: a.Namespace,
			Account:   named{a.Name, uidOf("serviceaccount", a.Namespace, a.Name)},
		},
	}
	if a.Pod != "" {
		c.Kubernetes.Pod = &named{a.Pod, uidOf("pod", a.Namespace, a.Pod)}
	}
	return c
}

// Review checks a token as a cluster's TokenReview does: ours, in time, and of this audience. It gives the account it
// is for. Denied or Expired otherwise; the error holds nothing of the token.
func (i *Issuer) Review(raw, audience string) (Account, error) {
	keys, err := i.Keys()
	if err != nil {
		return Account{}, err
	}
	return review(raw, audience, i.url, keys, i.clock.Now())
}

// review checks a token against what an issuer publishes.
func review(raw, audience, url string, keys jose.JSONWebKeySet, now time.Time) (Account, error) {
	token, err := parse(raw)
	if err != nil {
		return Account{}, err
	}
	var standard jwt.Claims
	var claims tokenClaims
	if err := token.Claims(keys, &standard, &claims); err != nil {
		return Account{}, fault.New(fault.Denied, tokenSubject, "was not signed by issuer %s", url)
	}
	switch {
	case claims.Issuer != url:
		return Account{}, fault.New(fault.Denied, tokenSubject, "is of issuer %q, not %q", claims.Issuer, url)
	case !standard.Audience.Contains(audience):
		return Account{}, fault.New(fault.Denied, tokenSubject, "is for audience %q, not %q", standard.Audience, audience)
	case now.Unix() >= claims.Expires || now.Unix() < claims.NotBefore:
		return Account{}, fault.New(fault.Expired, tokenSubject, "is not within its time")
	}
	return claims.account()
}

// tokenSubject is what faults about a token are about.
const tokenSubject = "service account token"

func parse(raw string) (*jwt.JSONWebToken, error) {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, fault.New(fault.Denied, tokenSubject, "is not a JWT signed with RS256")
	}
	return token, nil
}

func (c tokenClaims) account() (Account, error) {
	a := Account{Namespace: c.Kubernetes.Namespace, Name: c.Kubernetes.Account.Name}
	if c.Kubernetes.Pod != nil {
		a.Pod = c.Kubernetes.Pod.Name
	}
	if a.Subject() != c.Subject {
		return Account{}, fault.New(fault.Denied, tokenSubject, "its subject is not its account")
	}
	return a, nil
}

// uidOf gives the same names the same uid every time: nothing here is ever deleted and made anew.
func uidOf(parts ...string) string {
	b := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
