package crypt

import (
	"bytes"
	"crypto/aes"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/fault"
)

// TestKeyWrap holds wrap and unwrap to the examples in RFC 3394, section 4.
func TestKeyWrap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ key, plain, text string }{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
			"1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
			"00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
	} {
		block, err := aes.NewCipher(unhex(t, tc.key))
		if err != nil {
			t.Fatal(err)
		}
		got, err := wrap(block, unhex(t, tc.plain))
		if err != nil || !bytes.Equal(got, unhex(t, tc.text)) {
			t.Errorf("wrapped %x, %v; want %s", got, err, tc.text)
		}
		back, err := unwrap(block, got)
		if err != nil || !bytes.Equal(back, unhex(t, tc.plain)) {
			t.Errorf("unwrapped %x, %v; want %s", back, err, tc.plain)
		}
		got[0] ^= 1
		if _, err := unwrap(block, got); fault.KindOf(err) != fault.Invalid {
			t.Errorf("unwrapped a changed text: %v", err)
		}
	}
}

// TestMismatches: every pairing that cannot work is refused, not tried.
func TestMismatches(t *testing.T) {
	t.Parallel()
	ec, oct := generate(t, "EC-P256"), generate(t, "oct-128")
	for name, err := range map[string]error{
		"EC with another curve's algorithm": second(Sign(ec, "ES384", make([]byte, 48))),
		"EC with RSA's":                     second(Sign(ec, "RS256", make([]byte, 32))),
		"oct that signs":                    second(Sign(oct, "ES256", make([]byte, 32))),
		"oct that verifies":                 second(Verify(oct, "ES256", make([]byte, 32), nil)),
		"no hash":                           second(Sign(ec, "ES", nil)),
		"EC that encrypts":                  second(Encrypt(ec, "RSA-OAEP", nil, nil)),
		"EC that decrypts":                  second(Decrypt(ec, "RSA-OAEP", Sealed{})),
		"oct of another size":               second(Encrypt(oct, "A256GCM", nil, nil)),
		"oct opening another size":          second(Decrypt(oct, "A256GCM", Sealed{})),
	} {
		if fault.KindOf(err) != fault.Unsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"short digest":  second(Sign(ec, "ES256", []byte("x"))),
		"short to wrap": second(Encrypt(oct, "A128KW", []byte("x"), nil)),
		"GCM sans iv":   second(Decrypt(oct, "A128GCM", Sealed{})),
	} {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if good, err := Verify(ec, "ES256", make([]byte, 32), []byte("short")); good || err != nil {
		t.Errorf("a short signature: %v, %v", good, err)
	}
}

// TestJWKRoundTrip brings an RSA key in as JSON and takes out its public part only.
func TestJWKRoundTrip(t *testing.T) {
	t.Parallel()
	k := generate(t, "RSA-2048").(*rsa.PrivateKey)
	in, err := json.Marshal(JWK{Kty: "RSA-HSM", N: k.N.Bytes(), E: []byte{1, 0, 1}, D: k.D.Bytes(),
		P: k.Primes[0].Bytes(), Q: k.Primes[1].Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	var jwk JWK
	if err := json.Unmarshal(in, &jwk); err != nil {
		t.Fatal(err)
	}
	key, spec, err := jwk.Private()
	if err != nil || !k.Equal(key.(*rsa.PrivateKey)) || spec.String() != "RSA-2048-HSM" {
		t.Fatalf("%v, %v", spec, err)
	}
	public, err := Public(key, spec)
	if err != nil || public.Kty != "RSA-HSM" || !bytes.Equal(public.N, k.N.Bytes()) || public.D != nil || public.P != nil {
		t.Errorf("public part %+v, %v", public, err)
	}
	for _, bad := range []JWK{{Kty: "XY"}, {Kty: "RSA", E: make([]byte, 99)}, {Kty: "EC", Crv: "P-1"},
		{Kty: "EC", Crv: "P-256", D: make([]byte, 99)}, {Kty: "EC", Crv: "P-256"}, {Kty: "oct", K: []byte("short")}} {
		if _, _, err := bad.Private(); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	huge := JWK{Kty: "RSA", E: []byte{1, 0, 1}, N: bytes.Repeat([]byte{0xff}, 64<<10)} // minutes, were it computed with
	if _, _, err := huge.Private(); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "4096 bits") {
		t.Errorf("a key of half a million bits: %v", err)
	}
}

func generate(t *testing.T, spec string) any {
	t.Helper()
	s, err := mint.ParseKeySpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func second[T any](_ T, err error) error { return err }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
