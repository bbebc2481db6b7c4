package issuer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/issuer"
	"strongroom/internal/fault"
)

// TestClusters: whoever's keys are known is believed, and nobody in another's name.
func TestClusters(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	own := issuer.New(issuer.Config{URL: address, Clock: now})
	other := issuer.New(issuer.Config{URL: "https://oidc.example/cluster", Clock: now})
	keys, err := other.Keys()
	if err != nil {
		t.Fatal(err)
	}
	published, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	clusters := issuer.NewClusters(own)
	if err := clusters.Add(other.URL(), published); err != nil {
		t.Fatal(err)
	}
	web := issuer.Account{Namespace: "shop", Name: "web"}
	for _, i := range []*issuer.Issuer{own, other} {
		if got, err := clusters.Review(mint(t, i, web, time.Minute), audience); err != nil || got != web {
			t.Errorf("of %s: %+v, %v", i.URL(), got, err)
		}
	}
	forger := issuer.New(issuer.Config{URL: other.URL(), Clock: now})
	stranger := issuer.New(issuer.Config{URL: other.URL() + "/", Clock: now})
	for _, tc := range []struct{ name, token, audience, says string }{
		{"no token", "x", audience, "is not a JWT"},
		{"a key that is not published", mint(t, forger, web, time.Minute), audience, "was not signed by issuer " + other.URL()},
		{"an issuer that is spelled otherwise", mint(t, stranger, web, time.Minute), audience, "not among those known"},
		{"another audience", mint(t, other, web, time.Minute), "api://AKSIdentityBinding", "is for audience"},
	} {
		if _, err := clusters.Review(tc.token, tc.audience); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	old := mint(t, other, web, time.Minute)
	now.Advance(time.Minute)
	if _, err := clusters.Review(old, audience); fault.KindOf(err) != fault.Expired {
		t.Errorf("past its time: %v", err)
	}
	if err := clusters.Add("https://broken.example", []byte("{")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no key set: %v", err)
	}
}
