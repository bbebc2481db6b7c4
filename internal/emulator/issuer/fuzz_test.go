package issuer

import (
	"testing"
	"time"

	"strongroom/internal/fault"
)

// Only what the issuer signed is reviewed as a pod's; any other text, beside any key set, is refused.
func FuzzReview(f *testing.F) {
	own := New(Config{URL: "https://issuer.example"})
	token, _, err := own.Mint(Account{Namespace: "shop", Name: "web"}, "a", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	good := string(token.Reveal())
	f.Add(good+"x", []byte(`{"keys":[]}`))
	f.Add("eyJhbGciOiJub25lIn0.e30.", []byte(`{"keys":[{"kty":"oct","k":"AQ"}]}`))
	f.Add("", []byte(`{"keys":[{"kty":"RSA","n":"","e":""}]}`))
	f.Fuzz(func(t *testing.T, raw string, keys []byte) {
		c := NewClusters(own)
		if err := c.Add("https://other.example", keys); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
		if got, err := c.Review(raw, "a"); err == nil && raw != good {
			t.Fatalf("%+v of %q", got, raw)
		}
		if _, err := c.Review(good, "a"); err != nil {
			t.Fatal(err)
		}
	})
}
