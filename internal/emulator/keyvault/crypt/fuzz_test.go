package crypt

import (
	"testing"

	"strongroom/internal/fault"
)

// A key that is taken gives the public part that it came with; any other is refused.
func FuzzJWK(f *testing.F) {
	f.Add("EC", "P-256", []byte{1}, []byte{}, []byte{}, []byte{}, []byte{})
	f.Add("EC-HSM", "P-521", []byte{0, 0, 0}, []byte{}, []byte{}, []byte{}, []byte{})
	f.Add("RSA", "", []byte{3}, []byte{33}, []byte{1, 0, 1}, []byte{3}, []byte{11})
	f.Add("oct", "", []byte{}, []byte{}, []byte{}, []byte{}, []byte{1})
	f.Fuzz(func(t *testing.T, kty, crv string, d, n, e, p, k []byte) {
		key, spec, err := JWK{Kty: kty, Crv: crv, D: d, N: n, E: e, P: p, Q: k, K: k}.Private()
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if err := spec.Check(); err != nil {
			return // whoever imports it asks, and refuses
		}
		if _, err := Public(key, spec); err != nil {
			t.Fatal(err)
		}
	})
}
