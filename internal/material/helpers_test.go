package material

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// authority can issue certificates; its own is one of them.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate, signed by itself when there is no issuer. bare leaves out the key ids, so that only the
// names link it.
func issue(t testing.TB, name string, issuer *authority, bare bool) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		SubjectKeyId: []byte("id of " + name),
	}
	if bare {
		template.SubjectKeyId = nil
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

// chain is leaf, intermediates and root, in this order.
func chain(t testing.TB, bare bool, names ...string) []*authority {
	t.Helper()
	list := make([]*authority, len(names))
	var above *authority
	for i := len(names) - 1; i >= 0; i-- {
		above = issue(t, names[i], above, bare)
		list[i] = above
	}
	return list
}

func keyPEM(t testing.TB, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func certPEM(list ...*authority) string {
	var b strings.Builder
	for _, a := range list {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
	}
	return b.String()
}

func parsed(list []*authority) []*x509.Certificate {
	certs := make([]*x509.Certificate, len(list))
	for i, a := range list {
		certs[i] = a.cert
	}
	return certs
}

func value(text string) secret.Value { return secret.NewValue([]byte(text)) }

func base64Of(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

// shape is Secret with its parts by suffix.
func shape(t testing.TB, in SecretInput) (map[string]string, []string) {
	t.Helper()
	shaped, err := Secret(in)
	if err != nil {
		t.Fatalf("Secret: %v", fault.Explain(err))
	}
	parts := map[string]string{}
	for _, part := range shaped.Parts {
		parts[part.Suffix] = string(part.Contents.Reveal())
	}
	return parts, shaped.Notes
}

// names lists the common names of a text's certificates in their order, and "key" for each key.
func names(t testing.TB, text string) string {
	t.Helper()
	var list []string
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			list = append(list, "key")
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, cert.Subject.CommonName)
	}
	return strings.Join(list, " ")
}

// holdsNone reports whether an error or note shows eight bytes in a row of what was put in.
func holdsNone(said string, in []byte) bool {
	for i := 0; i+8 <= len(in); i++ {
		if bytes.Contains([]byte(said), in[i:i+8]) {
			return false
		}
	}
	return true
}
