package token_test

import (
	"bytes"
	"crypto/rand"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"

	"strongroom/internal/azure/token"
	"strongroom/internal/secret"

	"software.sslmate.com/src/go-pkcs12"
)

// A pod's author makes the certificate, and the provider reads it for every mount, deaf to whoever gives up meanwhile. What
// would take minutes is refused for what it states, before it is done.
func TestACertificateThatWouldTakeForEverIsRefused(t *testing.T) {
	t.Parallel()
	p := mint(t)
	// 65,536 iterations, and the same number of bytes for 8 million, at each of the places where a count stands.
	few, many := []byte{2, 3, 1, 0, 0}, []byte{2, 3, 0x7f, 0xff, 0xff}
	for kind, encoder := range map[string]*pkcs12.Encoder{"modern": pkcs12.Modern2023.WithIterations(1 << 16), "legacy": pkcs12.LegacyDES.WithIterations(1 << 16)} {
		good := p.pfx(t, encoder, "hunter2")
		if _, err := token.ParseCertificate(secret.NewValue(good), secret.NewValue([]byte("hunter2"))); err != nil {
			t.Fatal(err)
		}
		parts := bytes.Split(good, few)
		if len(parts) != 4 {
			t.Fatalf("%s: %d counts were found", kind, len(parts)-1)
		}
		for n := 1; n < len(parts); n++ {
			bomb := bytes.Join([][]byte{bytes.Join(parts[:n], few), bytes.Join(parts[n:], few)}, many)
			_, err := token.ParseCertificate(secret.NewValue(bomb), secret.NewValue([]byte("hunter2")))
			if err == nil || !strings.Contains(err.Error(), "more key derivation") {
				t.Errorf("%s, count %d: %v", kind, n, err)
			}
		}
	}
	giant := giantKey(t, 1<<16)
	for kind, der := range map[string][]byte{"RSA PRIVATE KEY": giant} {
		_, err := token.ParseCertificate(secret.NewValue(append(block(kind, der), block("CERTIFICATE", p.der)...)), secret.Value{})
		if err == nil || !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("a key of 65,536 bits: %v", err)
		}
	}
	crowd := bytes.Repeat(p.keyPEM("PRIVATE KEY"), 100)
	if _, err := token.ParseCertificate(secret.NewValue(append(crowd, block("CERTIFICATE", p.der)...)), secret.Value{}); err == nil || !strings.Contains(err.Error(), "more than 4 private keys") {
		t.Errorf("a hundred keys: %v", err)
	}
}

// giantKey is an RSA key of so many bits as PKCS#1, whose numbers hold together though its factors are no primes.
func giantKey(t *testing.T, bits int) []byte {
	t.Helper()
	one, e := big.NewInt(1), big.NewInt(65537)
	factor := func() *big.Int {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(one, uint(bits/2)))
		if err != nil {
			t.Fatal(err)
		}
		return n.SetBit(n.SetBit(n, bits/2-1, 1), 0, 1)
	}
	for {
		p, q := factor(), factor()
		lessP, lessQ := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
		d, inverse := new(big.Int).ModInverse(e, new(big.Int).Mul(lessP, lessQ)), new(big.Int).ModInverse(q, p)
		if d == nil || inverse == nil {
			continue
		}
		der, err := asn1.Marshal(struct {
			Version             int
			N                   *big.Int
			E                   int
			D, P, Q, DP, DQ, QI *big.Int
		}{0, new(big.Int).Mul(p, q), 65537, d, p, q, new(big.Int).Mod(d, lessP), new(big.Int).Mod(d, lessQ), inverse})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
}
