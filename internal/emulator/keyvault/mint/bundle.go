package mint

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
)

// Bundle is a certificate with what belongs to it. Certs stand in the order in which they are written out; Leaf is the
// one that Key (nil when it is kept back) fits.
type Bundle struct {
	Key   crypto.Signer
	Leaf  *x509.Certificate
	Certs []*x509.Certificate
}

// PEM writes the key as PKCS#8, then the certificates.
func (b Bundle) PEM() ([]byte, error) {
	var out bytes.Buffer
	if b.Key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(b.Key)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "private key", "cannot be written")
		}
		_ = pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	for _, c := range b.Certs {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return out.Bytes(), nil
}

// PFX writes PKCS#12 with an empty password: with AES and SHA-256 when modern, else with triple DES and SHA-1. Without
// a key it is a container of certificates only.
func (b Bundle) PFX(modern bool) ([]byte, error) {
	encoder := pkcs12.LegacyDES.WithRand(rand.Reader)
	if modern {
		encoder = pkcs12.Modern2023.WithRand(rand.Reader)
	}
	if b.Key == nil {
		return encoder.EncodeTrustStore(b.Certs, "")
	}
	return encoder.Encode(b.Key, b.Leaf, b.rest(), "")
}

func (b Bundle) rest() []*x509.Certificate {
	var rest []*x509.Certificate
	for _, c := range b.Certs {
		if !c.Equal(b.Leaf) {
			rest = append(rest, c)
		}
	}
	return rest
}

// LeafFirst moves the leaf to the front and leaves the others as they stand.
func (b Bundle) LeafFirst() Bundle {
	b.Certs = append([]*x509.Certificate{b.Leaf}, b.rest()...)
	return b
}

// Shuffled puts the leaf last behind the others in reverse: an order that no chain is built in, and always the same.
func (b Bundle) Shuffled() Bundle {
	rest := b.rest()
	shuffled := make([]*x509.Certificate, 0, len(b.Certs))
	for i := len(rest) - 1; i >= 0; i-- {
		shuffled = append(shuffled, rest[i])
	}
	b.Certs = append(shuffled, b.Leaf)
	return b
}

// Public is the bundle without its key.
func (b Bundle) Public() Bundle {
	b.Key = nil
	return b
}
