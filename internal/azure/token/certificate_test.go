package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/secret"

	"software.sslmate.com/src/go-pkcs12"
)

// keyPair is a self-signed certificate with its key.
type keyPair struct {
	key  *rsa.PrivateKey
	der  []byte
	cert *x509.Certificate
}

func mint(t testing.TB) keyPair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "app"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{key, der, cert}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (p keyPair) keyPEM(kind string) []byte {
	if kind == "RSA PRIVATE KEY" {
		return block(kind, x509.MarshalPKCS1PrivateKey(p.key))
	}
	der, _ := x509.MarshalPKCS8PrivateKey(p.key)
	return block(kind, der)
}

func (p keyPair) pem(kind string) secret.Value {
	return secret.NewValue(append(p.keyPEM(kind), block("CERTIFICATE", p.der)...))
}

func (p keyPair) pfx(t *testing.T, e *pkcs12.Encoder, password string, chain ...*x509.Certificate) []byte {
	t.Helper()
	b, err := e.Encode(p.key, p.cert, chain, password)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	p, other := mint(t), mint(t)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ecDER, _ := x509.MarshalECPrivateKey(ec)
	modern := p.pfx(t, pkcs12.Modern2023, "hunter2", other.cert)
	join := func(parts ...[]byte) (all []byte) {
		for _, part := range parts {
			all = append(all, part...)
		}
		return all
	}
	cert, otherCert := block("CERTIFICATE", p.der), block("CERTIFICATE", other.der)
	for name, c := range map[string]struct {
		data     []byte
		password string
		problem  string // empty: it works
	}{
		"PEM, PKCS#8":               {data: p.pem("PRIVATE KEY").Reveal()},
		"PEM, PKCS#1":               {data: p.pem("RSA PRIVATE KEY").Reveal()},
		"PEM, chain out of order":   {data: join(otherCert, cert, p.keyPEM("PRIVATE KEY"))},
		"PKCS#12, modern":           {data: modern, password: "hunter2"},
		"PKCS#12, legacy":           {data: p.pfx(t, pkcs12.LegacyDES, "hunter2"), password: "hunter2"},
		"PKCS#12, no password":      {data: p.pfx(t, pkcs12.Modern2023, "")},
		"PKCS#12 in base64":         {data: []byte(base64.StdEncoding.EncodeToString(modern) + "\n"), password: "hunter2"},
		"PKCS#12, wrong password":   {data: modern, password: "hunter3", problem: "password is wrong"},
		"empty":                     {problem: "neither PEM nor a PKCS#12"},
		"rubbish":                   {data: []byte("hunter2"), problem: "neither PEM nor a PKCS#12"},
		"PEM without certificate":   {data: p.keyPEM("PRIVATE KEY"), problem: "1 private keys and 0 certificates"},
		"PEM without key":           {data: cert, problem: "0 private keys and 1 certificates"},
		"PEM, two keys":             {data: join(cert, p.keyPEM("PRIVATE KEY"), other.keyPEM("PRIVATE KEY")), problem: "2 private keys"},
		"PEM, key of another":       {data: join(otherCert, p.keyPEM("PRIVATE KEY")), problem: "none of its certificates belongs"},
		"PEM, elliptic":             {data: join(cert, block("EC PRIVATE KEY", ecDER)), problem: "not RSA"},
		"PEM, encrypted":            {data: join(cert, block("ENCRYPTED PRIVATE KEY", []byte("x"))), problem: "encrypted"},
		"PEM, broken key":           {data: join(cert, block("PRIVATE KEY", []byte("x"))), problem: "PRIVATE KEY block cannot be read"},
		"PEM, broken certificate":   {data: block("CERTIFICATE", []byte("x")), problem: "CERTIFICATE block cannot be read"},
		"PEM that begins, no block": {data: []byte("-----BEGIN hunter2"), problem: "0 private keys and 0 certificates"},
	} {
		got, err := token.ParseCertificate(secret.NewValue(c.data), secret.NewValue([]byte(c.password)))
		switch {
		case c.problem == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.problem == "" && fmt.Sprintf("%v %#v %+v", got, got, got) != "CN=app CN=app CN=app":
			t.Errorf("%s: prints as %+v", name, got)
		case c.problem != "" && (fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: got %v, want %q", name, err, c.problem)
		case err != nil && strings.Contains(fault.Explain(err), "hunter"):
			t.Errorf("%s: tells the password: %v", name, err)
		}
	}
}
