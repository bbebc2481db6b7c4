package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"

	"github.com/go-jose/go-jose/v4"

	"strongroom/internal/fault"
)

const keyBits = 2048

type signingKey struct {
	public jose.JSONWebKey
	signer jose.Signer
}

// newSigningKey makes an RSA key, the only kind Entra takes from an issuer; its id is a thumbprint of the key.
func newSigningKey() (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "issuer key", "cannot be generated")
	}
	public := jose.JSONWebKey{Key: private.Public(), Use: "sig", Algorithm: string(jose.RS256)}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "issuer key", "has no thumbprint")
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: public.KeyID},
	}, nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "issuer key", "cannot sign")
	}
	return &signingKey{public, signer}, nil
}
