package mint

import (
	"testing"

	"strongroom/internal/fault"
)

// A bundle that is taken has a leaf that fits its key; every other is refused as somebody's mistake.
func FuzzBundle(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n"), "")
	f.Add([]byte{0x30, 0x82}, "x")
	f.Fuzz(func(t *testing.T, text []byte, password string) {
		one, errOne := ParsePEM(text)
		two, errTwo := ParsePFX(text, password)
		for bundle, err := range map[*Bundle]error{&one: errOne, &two: errTwo} {
			if err != nil && fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			if err == nil && (bundle.Leaf == nil || !Fits(bundle.Key, bundle.Leaf)) {
				t.Fatalf("%+v", bundle.Leaf)
			}
		}
		if key, err := ParseKeyPEM(text); err == nil && key == nil {
			t.Fatal("no key and no error")
		}
	})
}
