package material

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Served takes apart what a TLS server is given: PEM in any order, or a PKCS#12 without a password, as bytes or as
// base64 text. The zero value holds nothing.
type Served struct{ bundle bundle }

// ReadServed reads content of either form. The error is of kind Invalid.
func ReadServed(content secret.Value) (Served, error) {
	text := content.Reveal()
	var b *bundle
	var err error
	switch {
	case bytes.Contains(text, []byte("-----BEGIN ")):
		b, err = readPEM(text)
	case len(text) > 2 && text[0] == 0x30:
		b, err = bundleOf(text)
		b = leafFirst(b)
	case looksLikePKCS12(text):
		b, err = readPFX(text)
		b = leafFirst(b)
	default:
		err = fault.New(fault.Invalid, "", "it is neither PEM nor a PKCS#12")
	}
	if err != nil {
		return Served{}, err
	}
	return Served{*b}, nil
}

// leafFirst orders what came from a PKCS#12, where the order of the certificates means nothing and a server needs its
// own first.
func leafFirst(b *bundle) *bundle {
	if b != nil {
		b.sort()
	}
	return b
}

// Certificates are all certificates as PEM, in the order of the content; a PKCS#12's leaf first. Without any it is an
// error of kind Invalid.
func (s Served) Certificates() (secret.Value, error) {
	if len(s.bundle.certs) == 0 {
		return secret.Value{}, fault.New(fault.Invalid, "", "it holds no certificate")
	}
	return secret.NewValue(encode(s.bundle.certs)), nil
}

// Authorities are the certificates that may sign others, in their order. Where none may, as with a server's certificate
// that signed itself, they are all of them. Without any it is an error of kind Invalid.
func (s Served) Authorities() (secret.Value, error) {
	var list []*pem.Block
	for _, block := range s.bundle.certs {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && cert.IsCA {
			list = append(list, block)
		}
	}
	if len(list) == 0 {
		return s.Certificates()
	}
	return secret.NewValue(encode(list)), nil
}

// PrivateKey is the private key as PEM in the form most programs read: RSA as PKCS#1, elliptic curves as SEC1, Ed25519 as
// PKCS#8. Of several it is the one that belongs to a certificate beside it, or else the last. A missing key, one under a
// passphrase and one that cannot be read are errors of kind Invalid.
func (s Served) PrivateKey() (secret.Value, error) {
	var keys []crypto.Signer
	for _, block := range s.bundle.others {
		if !strings.HasSuffix(block.Type, blockPrivateKey) {
			continue // parameters of a curve, a public key
		}
		if strings.HasPrefix(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return secret.Value{}, fault.New(fault.Invalid, "", "its private key is protected by a passphrase").
				Mend("store the key without a passphrase: the vault protects it")
		}
		key := signerOf(block.Bytes)
		if key == nil {
			return secret.Value{}, fault.New(fault.Invalid, "", "its private key cannot be read").
				Mend("store an RSA, P-224 to P-521 or Ed25519 key as PKCS#1, SEC1 or PKCS#8")
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return secret.Value{}, fault.New(fault.Invalid, "", "it holds no private key")
	}
	return encodeKey(s.belonging(keys))
}

// belonging is the key of one of the certificates, or else the last.
func (s Served) belonging(keys []crypto.Signer) crypto.Signer {
	certs, _ := s.bundle.parse()
	for _, cert := range certs {
		for _, key := range keys {
			if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(cert.PublicKey) {
				return key
			}
		}
	}
	return keys[len(keys)-1]
}

func encodeKey(key crypto.Signer) (secret.Value, error) {
	block := &pem.Block{}
	var err error
	switch key := key.(type) {
	case *rsa.PrivateKey:
		block.Type, block.Bytes = "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)
	case *ecdsa.PrivateKey:
		block.Type = "EC PRIVATE KEY"
		block.Bytes, err = x509.MarshalECPrivateKey(key)
	case ed25519.PrivateKey:
		block.Type = blockPrivateKey
		block.Bytes, err = x509.MarshalPKCS8PrivateKey(key)
	default:
		err = fault.New(fault.Invalid, "", "unknown kind")
	}
	if err != nil {
		return secret.Value{}, fault.New(fault.Invalid, "", "its private key is of a kind that cannot be written")
	}
	return secret.NewValue(pem.EncodeToMemory(block)), nil
}
