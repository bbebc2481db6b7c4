package token

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

// Certificate is an application's certificate with its RSA key, ready to sign. It cannot be printed with its key: the
// fields are not exported, and formatting gives the subject alone.
type Certificate struct {
	leaf *x509.Certificate
	key  *rsa.PrivateKey
}

// String is the certificate's subject.
func (c *Certificate) String() string { return c.leaf.Subject.String() }

// GoString is String; %#v would otherwise walk into the key.
func (c *Certificate) GoString() string { return c.String() }

// ParseCertificate reads a certificate and its key: PEM with an unencrypted PKCS#8 or PKCS#1 key, or PKCS#12, binary or
// as base64 text, with its password (empty for none). Of several certificates the one that belongs to the key counts.
// Errors are of kind Invalid and say what was found instead.
func ParseCertificate(data, password secret.Value) (*Certificate, error) {
	raw := data.Reveal()
	var keys []any
	var certs []*x509.Certificate
	var err *fault.Error
	if bytes.Contains(raw, []byte("-----BEGIN")) {
		keys, certs, err = fromPEM(raw)
	} else {
		keys, certs, err = fromPKCS12(raw, string(password.Reveal()))
	}
	if err != nil {
		return nil, err
	}
	return pair(keys, certs)
}

func badCertificate(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "client certificate", format, args...)
}

// mostKeys bounds how many private keys are looked at, each of which takes some time.
const mostKeys = 4

// fromPEM leaves out what is neither key nor certificate. No error repeats a parser's text, which may quote the input.
func fromPEM(raw []byte) (keys []any, certs []*x509.Certificate, bad *fault.Error) {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, badCertificate("a CERTIFICATE block cannot be read")
			}
			certs = append(certs, cert)
		case strings.Contains(block.Type, "ENCRYPTED"), strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, nil, badCertificate("its key is encrypted, which PEM allows in too many ways").
				Mend("decrypt it with openssl pkey, or give PKCS#12 with a password: openssl pkcs12 -export")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, ok := material.PrivateKey(block.Bytes)
			if !ok {
				return nil, nil, badCertificate("a %s block cannot be read", fault.Shorten(block.Type))
			}
			if keys = append(keys, key); len(keys) > mostKeys {
				return nil, nil, badCertificate("holds more than %d private keys, not one key with its certificate", mostKeys)
			}
		}
	}
	return keys, certs, nil
}

// fromPKCS12 leaves the reading to material, which does a bounded amount of work: the file is a pod author's.
func fromPKCS12(raw []byte, password string) ([]any, []*x509.Certificate, *fault.Error) {
	if text, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(raw), nil))); err == nil && len(text) > 0 {
		raw = text
	}
	keys, certs, err := material.PKCS12(raw, password)
	if errors.Is(err, material.ErrPassword) {
		return nil, nil, badCertificate("the PKCS#12 password is wrong").
			Mend("set the password's key in the Secret that nodePublishSecretRef names")
	}
	if err != nil {
		return nil, nil, badCertificate("is neither PEM nor a PKCS#12 file with one key and its certificate: %s", fault.Shorten(err.Error()))
	}
	return keys, certs, nil
}

// pair finds the certificate that belongs to the key.
func pair(keys []any, certs []*x509.Certificate) (*Certificate, error) {
	if len(keys) != 1 || len(certs) == 0 {
		return nil, badCertificate("holds %d private keys and %d certificates, not one key with its certificate", len(keys), len(certs))
	}
	key, ok := keys[0].(*rsa.PrivateKey)
	if !ok {
		return nil, badCertificate("its key is not RSA, the only kind Entra ID takes for an application")
	}
	for _, cert := range certs {
		if public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(key.Public()) {
			return &Certificate{leaf: cert, key: key}, nil
		}
	}
	return nil, badCertificate("none of its certificates belongs to its key")
}
