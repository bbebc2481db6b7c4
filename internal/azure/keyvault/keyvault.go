// Package keyvault reads secrets, keys and certificates from a vault: one call is one HTTP request with the token it is
// given, no anonymous first request, no retry (version lists: one request per page). It only reads.
//
// What it never does: follow a redirect or a challenge, send a token to a host other than the vault's own, log, keep a
// value, or put any part of a successful answer into an error. A vault that sends its client elsewhere, by a redirect or
// by a list's next page, gets no second request and the caller an error that says where it pointed.
package keyvault

import (
	"time"

	"strongroom/internal/secret"
)

// APIVersion is the version of the Key Vault REST contract that is spoken.
const APIVersion = "7.4"

// SecretBundle is a secret's value with what its reader needs to know of it.
type SecretBundle struct {
	Value       secret.Value
	ID          string // https://<vault>/secrets/<name>/<version>, made from the request and the answered version
	Version     string
	ContentType string // e.g. application/x-pkcs12; empty when none was set
	KID         string // the key of the certificate behind the secret; empty for a plain secret
	Enabled     bool
	NotBefore   *time.Time // informational: Key Vault serves a secret outside its dates
	Expires     *time.Time
}

// KeyBundle is a key's public part.
type KeyBundle struct {
	JWK     JWK
	KID     string // https://<vault>/keys/<name>/<version>, made from the request and the answered version
	Version string
}

// JWK holds the public members of a JSON web key, decoded. RSA uses N and E, elliptic curves Curve, X and Y.
type JWK struct {
	Type  string // kty: RSA, RSA-HSM, EC, EC-HSM, ...
	Curve string // crv: P-256, P-384, P-521, P-256K
	N, E  []byte
	X, Y  []byte
}

// CertificateBundle is a certificate without its key and chain.
type CertificateBundle struct {
	DER     []byte
	ID      string // https://<vault>/certificates/<name>/<version>, made from the request and the answered version
	Version string
}

// VersionItem is one version of an object.
type VersionItem struct {
	Version string
	Enabled bool
	Created time.Time // zero when not told
}
