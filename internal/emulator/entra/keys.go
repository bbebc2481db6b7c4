package entra

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"time"

	"github.com/go-jose/go-jose/v4"

	"strongroom/internal/fault"
)

const keyBits = 2048

// signingKey is the tenant-wide key with the certificate that carries it in the published key set, where kid and x5t
// are the certificate's thumbprint.
type signingKey struct {
	private *rsa.PrivateKey
	public  jose.JSONWebKey
	signer  jose.Signer
}

func newSigningKey(now time.Time) (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "signing key", "cannot be generated")
	}
	cert, err := selfSigned(private, now)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "signing key", "its certificate cannot be made")
	}
	thumb := sha1.Sum(cert.Raw)
	kid := base64.RawURLEncoding.EncodeToString(thumb[:])
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("x5t", kid)
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: kid},
	}, options)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "signing key", "cannot sign")
	}
	public := jose.JSONWebKey{
		Key: private.Public(), KeyID: kid, Use: "sig", Algorithm: string(jose.RS256),
		Certificates: []*x509.Certificate{cert}, CertificateThumbprintSHA1: thumb[:],
	}
	return &signingKey{private, public, signer}, nil
}

func selfSigned(key *rsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Keys is the published key set. Internal when no key can be generated.
func (d *Directory) Keys() (jose.JSONWebKeySet, error) {
	key, err := d.key()
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.public}}, nil
}
