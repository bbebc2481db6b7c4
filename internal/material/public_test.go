package material

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"strongroom/internal/fault"
)

func TestPublicKeyIsPKIX(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	exponent := big.NewInt(int64(rsaKey.E)).Bytes()
	for _, kind := range []string{"RSA", "RSA-HSM"} {
		der := roundTrip(t, JWK{Type: kind, N: rsaKey.N.Bytes(), E: exponent})
		if key, ok := der.(*rsa.PublicKey); !ok || !key.Equal(&rsaKey.PublicKey) {
			t.Errorf("%s: %T", kind, der)
		}
	}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		for _, kind := range []string{"EC", "EC-HSM"} {
			made, err := ecdsa.GenerateKey(curve, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			point, err := made.PublicKey.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
			for _, jwk := range []JWK{
				{Type: kind, Curve: name, X: x, Y: y},
				{Type: kind, Curve: name, X: append([]byte{0, 0}, x...), Y: new(big.Int).SetBytes(y).Bytes()},
			} {
				if key, ok := roundTrip(t, jwk).(*ecdsa.PublicKey); !ok || !key.Equal(&made.PublicKey) {
					t.Errorf("%s %s", kind, name)
				}
			}
		}
	}
}

func roundTrip(t *testing.T, jwk JWK) any {
	t.Helper()
	text, err := PublicKey(jwk)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		t.Fatalf("%s", text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPublicKeyRefuses(t *testing.T) {
	t.Parallel()
	number := []byte(strings.Repeat("n", 256))
	for _, m := range []struct {
		name string
		jwk  JWK
		kind fault.Kind
		want string
	}{
		{"a symmetric key", JWK{Type: "oct-HSM"}, fault.Unsupported, "failed to get key. key type 'oct-HSM' currently not supported"},
		{"nothing", JWK{}, fault.Unsupported, "failed to get key. key type '' currently not supported"},
		{"another curve", JWK{Type: "EC", Curve: "P-256K", X: number[:32], Y: number[:32]}, fault.Unsupported, "curve P-256K is not supported"},
		{"no curve", JWK{Type: "EC"}, fault.Unsupported, "curve  is not supported"},
		{"no point", JWK{Type: "EC", Curve: "P-256"}, fault.Invalid, "is no point on curve P-256"},
		{"a point beside the curve", JWK{Type: "EC", Curve: "P-256", X: number[:32], Y: number[:32]}, fault.Invalid, "is no point on curve P-256"},
		{"a long coordinate", JWK{Type: "EC", Curve: "P-256", X: number, Y: number[:32]}, fault.Invalid, "is no point on curve P-256"},
		{"no modulus", JWK{Type: "RSA", E: []byte{3}}, fault.Invalid, "no proper modulus and exponent"},
		{"a zero modulus", JWK{Type: "RSA", N: make([]byte, 256), E: []byte{3}}, fault.Invalid, "no proper modulus"},
		{"a huge modulus", JWK{Type: "RSA", N: make([]byte, 4096), E: []byte{3}}, fault.Invalid, "no proper modulus"},
		{"no exponent", JWK{Type: "RSA", N: number, E: []byte{0, 0}}, fault.Invalid, "no proper modulus and exponent"},
		{"a huge exponent", JWK{Type: "RSA", N: number, E: number}, fault.Invalid, "no proper modulus and exponent"},
		{"an exponent of one", JWK{Type: "RSA", N: number, E: []byte{1}}, fault.Invalid, "no proper modulus and exponent"},
	} {
		_, err := PublicKey(m.jwk)
		if fault.KindOf(err) != m.kind || !strings.Contains(err.Error(), m.want) {
			t.Errorf("%s: %v, want %q", m.name, err, m.want)
		}
	}
}

// FuzzPublicKey holds that whatever is accepted is a key that others can read.
func FuzzPublicKey(f *testing.F) {
	f.Add("RSA", "", []byte{0xc1, 1, 1}, []byte{1, 0, 1}, []byte{}, []byte{})
	f.Add("EC", "P-256", []byte{}, []byte{}, elliptic.P256().Params().Gx.Bytes(), elliptic.P256().Params().Gy.Bytes())
	f.Add("EC-HSM", "P-521", []byte{}, []byte{}, elliptic.P521().Params().Gx.Bytes(), elliptic.P521().Params().Gy.Bytes())
	f.Fuzz(func(t *testing.T, kind, curve string, n, e, x, y []byte) {
		text, err := PublicKey(JWK{Type: kind, Curve: curve, N: n, E: e, X: x, Y: y})
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported {
				t.Fatal(err)
			}
			return
		}
		block, _ := pem.Decode(text)
		if block == nil {
			t.Fatalf("%q", text)
		}
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			t.Fatal(err)
		}
	})
}

// The text is the one that stands on the vault's wire.
func TestAModulusIsTheWiresText(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	jwk := JWK{Type: "RSA", N: key.N.Bytes(), E: []byte{1, 0, 1}}
	text, err := Key(jwk, Modulus)
	if err != nil || string(text) != base64.RawURLEncoding.EncodeToString(key.N.Bytes()) {
		t.Errorf("%s, %v", text, err)
	}
	for kind, bad := range map[fault.Kind]JWK{fault.Unsupported: {Type: "EC", Curve: "P-256"}, fault.Invalid: {Type: "RSA", E: jwk.E}} {
		if _, err := Key(bad, Modulus); fault.KindOf(err) != kind || err == nil {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestACertificateIsPEMOrItsOwnBytes(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Certificate(der, DER); err != nil || !bytes.Equal(got, der) {
		t.Errorf("DER: %v", err)
	}
	if got, err := Certificate(der, PEM); err != nil || !strings.HasPrefix(string(got), "-----BEGIN CERTIFICATE-----") {
		t.Errorf("PEM: %v", err)
	}
	if _, err := Certificate([]byte("no certificate"), DER); fault.KindOf(err) != fault.Invalid {
		t.Errorf("bytes that are none: %v", err)
	}
}
