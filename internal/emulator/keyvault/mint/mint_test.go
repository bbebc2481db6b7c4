package mint

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
)

func TestParseSubject(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"CN=www.example.com":           "CN=www.example.com",
		"CN=a, O=Contoso, C=DE":        "CN=a,O=Contoso,C=DE",
		`CN=a;O="Contoso, Ltd."`:       `CN=a,O=Contoso\, Ltd.`,
		`cn=a, ou=x, ou=y, O=Co\, Ltd`: `CN=a,OU=x+OU=y,O=Co\, Ltd`,
		"":                             "",
	} {
		name, err := ParseSubject(text)
		if err != nil || name.String() != want {
			t.Errorf("%q: got %q, %v; want %q", text, name.String(), err, want)
		}
	}
	for _, text := range []string{"example.com", "CN=a, nonsense", "XX=a"} {
		if _, err := ParseSubject(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestKeySpecs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"RSA-2048", "RSA-4096-HSM", "EC-P256", "EC-P521-HSM", "oct-192"} {
		spec, err := ParseKeySpec(text)
		if err != nil || spec.String() != text {
			t.Errorf("%q: got %q, %v", text, spec, err)
		}
	}
	for _, text := range []string{"RSA", "RSA-1024", "EC-P257", "EC", "DSA-2048", "oct-100"} {
		if _, err := ParseKeySpec(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestParsePEM mutates a good bundle.
func TestParsePEM(t *testing.T) {
	t.Parallel()
	good, other := bundle(t), bundle(t)
	text, err := good.PEM()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParsePEM(text)
	if err != nil || !back.Leaf.Equal(good.Leaf) || len(back.Certs) != 3 {
		t.Fatalf("%d certificates, %v", len(back.Certs), err)
	}
	shuffled, err := good.Shuffled().PEM()
	if err != nil {
		t.Fatal(err)
	}
	if back, err = ParsePEM(shuffled); err != nil || !back.Leaf.Equal(good.Leaf) || back.Certs[2] != back.Leaf {
		t.Errorf("shuffled: %v", err)
	}
	if ordered := back.LeafFirst(); ordered.Certs[0] != back.Leaf || len(ordered.Certs) != 3 {
		t.Errorf("the leaf is not first")
	}
	foreign, _ := Bundle{Key: other.Key, Leaf: good.Leaf, Certs: good.Certs}.PEM()
	public, _ := good.Public().PEM()
	keyOnly, _ := Bundle{Key: good.Key}.PEM()
	for name, text := range map[string][]byte{
		"nothing": nil, "no key": public, "no certificate": keyOnly, "another's key": foreign,
		"PKCS#1 key":        []byte(strings.ReplaceAll(string(text), "PRIVATE KEY", "RSA PRIVATE KEY")),
		"broken":            pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
		"broken key":        pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
		"key that is a DER": good.Leaf.Raw,
	} {
		if _, err := ParsePEM(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCertSpecRefuses what would make a broken certificate.
func TestCertSpecRefuses(t *testing.T) {
	t.Parallel()
	for _, spec := range []CertSpec{{IPs: []string{"1.2.3"}}, {URIs: []string{":"}}, {ExtUsage: []string{"1.x"}}, {ExtUsage: []string{"9.9"}}} {
		if err := spec.Check(); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", spec, err)
		}
	}
}

// TestParseKeyPEM reads the three forms of key files.
func TestParseKeyPEM(t *testing.T) {
	t.Parallel()
	key := bundle(t).Key
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseKeyPEM(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})); err != nil {
		t.Error(err)
	}
	for _, kind := range []string{"RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"} {
		if _, err := ParseKeyPEM(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("x")})); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func bundle(t *testing.T) Bundle {
	t.Helper()
	key, err := KeySpec{Type: "EC", Curve: "P-256"}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	spec := CertSpec{DNSNames: []string{"a"}, NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(2e9, 0)}
	chain, err := Issued(key.(crypto.Signer), spec, 1)
	if err != nil {
		t.Fatal(err)
	}
	return Bundle{Key: key.(crypto.Signer), Leaf: chain[0], Certs: chain}
}
