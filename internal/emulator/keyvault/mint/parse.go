package mint

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
)

// ParsePEM reads certificates and one unencrypted PKCS#8 key, in any order. Other key formats are refused, as Key
// Vault refuses them.
func ParsePEM(text []byte) (Bundle, error) {
	var b Bundle
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if err := b.take(block); err != nil {
			return Bundle{}, err
		}
	}
	return b.matched()
}

func (b *Bundle) take(block *pem.Block) error {
	switch block.Type {
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "certificate", "cannot be read")
		}
		b.Certs = append(b.Certs, cert)
	case "PRIVATE KEY":
		key, err := ParseKey(block.Bytes)
		if err != nil {
			return err
		}
		b.Key = key
	case "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return fault.New(fault.Invalid, "private key", "is not an unencrypted PKCS#8 key")
	}
	return nil
}

// ParsePFX reads PKCS#12 of either encoding.
func ParsePFX(der []byte, password string) (Bundle, error) {
	key, leaf, rest, err := pkcs12.DecodeChain(der, password)
	if err != nil {
		return Bundle{}, fault.Wrap(err, fault.Invalid, "PKCS#12", "cannot be read")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return Bundle{}, fault.New(fault.Invalid, "private key", "is of an unknown sort")
	}
	return Bundle{Key: signer, Certs: append([]*x509.Certificate{leaf}, rest...)}.matched()
}

// ParseKey reads an RSA or EC key in PKCS#8 DER.
func ParseKey(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "private key", "cannot be read as PKCS#8")
	}
	if _, err := SpecOf(key); err != nil {
		return nil, err
	}
	return key.(crypto.Signer), nil
}

// ParseKeyPEM reads an RSA or EC key from PEM: PKCS#8, PKCS#1 or SEC 1.
func ParseKeyPEM(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fault.New(fault.Invalid, "private key", "is not PEM")
	}
	var key crypto.Signer
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return ParseKey(block.Bytes)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "private key", "cannot be read")
	}
	_, err = SpecOf(key)
	return key, err
}

// matched finds the leaf that belongs to the key.
func (b Bundle) matched() (Bundle, error) {
	if len(b.Certs) == 0 {
		return Bundle{}, fault.New(fault.Invalid, "certificate", "is missing")
	}
	if b.Key == nil {
		return Bundle{}, fault.New(fault.Invalid, "private key", "is missing")
	}
	if _, err := SpecOf(b.Key); err != nil {
		return Bundle{}, err
	}
	for _, c := range b.Certs {
		if Fits(b.Key, c) {
			b.Leaf = c
			return b, nil
		}
	}
	return Bundle{}, fault.New(fault.Invalid, "private key", "fits none of the certificates")
}

// Fits reports whether c certifies key.
func Fits(key crypto.Signer, c *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}
