package issuer_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/issuer"
	"strongroom/internal/fault"
)

const (
	address  = "https://issuer.example/cluster"
	audience = "api://AzureADTokenExchange"
)

func mint(t *testing.T, i *issuer.Issuer, a issuer.Account, ttl time.Duration) string {
	t.Helper()
	token, _, err := i.Mint(a, audience, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return string(token.Reveal())
}

// TestMint holds a token against what a cluster projects into a pod.
func TestMint(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	i := issuer.New(issuer.Config{URL: address, Clock: now})
	token, expires, err := i.Mint(issuer.Account{Namespace: "shop", Name: "web", Pod: "web-0"}, audience, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(string(token.Reveal()), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		t.Fatal(err)
	}
	if !expires.Equal(now.Now().Add(time.Hour)) {
		t.Errorf("expires %s", expires)
	}
	bound := claims["kubernetes.io"].(map[string]any)
	for _, part := range []string{"pod", "serviceaccount"} {
		if uid, _ := bound[part].(map[string]any)["uid"].(string); len(uid) != 36 {
			t.Errorf("%s has uid %q", part, uid)
		}
		delete(bound[part].(map[string]any), "uid")
	}
	start := float64(now.Now().Unix())
	want := map[string]any{
		"iss": address, "sub": "system:serviceaccount:shop:web", "aud": []any{audience}, "jti": claims["jti"],
		"iat": start, "nbf": start, "exp": start + 3600,
		"kubernetes.io": map[string]any{
			"namespace": "shop", "pod": map[string]any{"name": "web-0"}, "serviceaccount": map[string]any{"name": "web"},
		},
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
}

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	i := issuer.New(issuer.Config{URL: address})
	good := issuer.Account{Namespace: "shop", Name: "web"}
	for name, try := range map[string]func() error{
		"no namespace": func() error { _, _, err := i.Mint(issuer.Account{Name: "web"}, audience, time.Hour); return err },
		"no name":      func() error { _, _, err := i.Mint(issuer.Account{Namespace: "shop"}, audience, time.Hour); return err },
		"no audience":  func() error { _, _, err := i.Mint(good, "", time.Hour); return err },
		"no lifetime":  func() error { _, _, err := i.Mint(good, audience, 0); return err },
	} {
		if err := try(); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReview: whose token, for this audience and at this moment.
func TestReview(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	i := issuer.New(issuer.Config{URL: address, Clock: now})
	web := issuer.Account{Namespace: "shop", Name: "web", Pod: "web-0"}
	token := mint(t, i, web, time.Minute)
	if got, err := i.Review(token, audience); err != nil || got != web {
		t.Errorf("got %+v, %v", got, err)
	}
	other := issuer.New(issuer.Config{URL: address, Clock: now})
	for _, tc := range []struct {
		name, token, audience string
		kind                  fault.Kind
	}{
		{"no token", "x", audience, fault.Denied},
		{"another audience", token, "api://AKSIdentityBinding", fault.Denied},
		{"another issuer of the same name", mint(t, other, web, time.Minute), audience, fault.Denied},
	} {
		if _, err := i.Review(tc.token, tc.audience); err == nil || fault.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", tc.name, err)
		} else if strings.Contains(err.Error(), tc.token) && tc.token != "x" {
			t.Errorf("%s: the error holds the token", tc.name)
		}
	}
	now.Advance(time.Minute)
	if _, err := i.Review(token, audience); fault.KindOf(err) != fault.Expired {
		t.Errorf("past its time: %v", err)
	}
}

// TestPublished: the document leads to the keys, and after a rotation to the old ones too.
func TestPublished(t *testing.T) {
	t.Parallel()
	i := issuer.New(issuer.Config{URL: address})
	web := issuer.Account{Namespace: "shop", Name: "web"}
	before := mint(t, i, web, time.Hour)
	if err := i.Rotate(); err != nil {
		t.Fatal(err)
	}
	after := mint(t, i, web, time.Hour)

	var document struct {
		Issuer  string
		KeysURI string `json:"jwks_uri"`
	}
	read(t, i, address+"/.well-known/openid-configuration", &document)
	if document.Issuer != address || i.URL() != address {
		t.Errorf("issuer %q", document.Issuer)
	}
	var keys jose.JSONWebKeySet
	read(t, i, document.KeysURI, &keys)
	if len(keys.Keys) != 2 {
		t.Fatalf("%d keys are published, want both", len(keys.Keys))
	}
	for n, raw := range []string{after, before} {
		token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		if token.Headers[0].KeyID != keys.Keys[n].KeyID {
			t.Errorf("key %d is %s, the token names %s", n, keys.Keys[n].KeyID, token.Headers[0].KeyID)
		}
		if err := token.Claims(keys, new(jwt.Claims)); err != nil {
			t.Errorf("token %d: %v", n, err)
		}
		if _, err := i.Review(raw, audience); err != nil {
			t.Errorf("review %d: %v", n, err)
		}
	}
}

func read(t *testing.T, h http.Handler, address string, into any) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, address, nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("%s: status %d", address, rec.Code)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}

// TestNothingElse is served, least of all a way to mint.
func TestNothingElse(t *testing.T) {
	t.Parallel()
	i := issuer.New(issuer.Config{URL: address})
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 404}, {"GET", "/token", 404}, {"POST", "/openid/v1/jwks", 405},
	} {
		rec := httptest.NewRecorder()
		i.ServeHTTP(rec, httptest.NewRequest(tc.method, tc.path, nil))
		if rec.Code != tc.status {
			t.Errorf("%s %s: status %d, want %d", tc.method, tc.path, rec.Code, tc.status)
		}
	}
}
