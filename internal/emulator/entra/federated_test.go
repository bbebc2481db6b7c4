package entra_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/issuer"
)

// TestFederatedRefusals presents a good service account token to credentials that do not fit it.
func TestFederatedRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	token := w.serviceAccountToken(t, exchange)
	fit := w.trust("cluster", shopWeb)

	for _, tc := range []struct {
		name  string
		trust func(*entra.FederatedCredential)
		token string
		code  int
		says  string
	}{
		{"other issuer", func(f *entra.FederatedCredential) { f.Issuer = "https://other.example" }, token,
			700211, "presented assertion issuer '" + w.issuer.URL() + "'. Please check your federated identity credential Subject, Audience and Issuer"},
		{"issuer with a slash more", func(f *entra.FederatedCredential) { f.Issuer += "/" }, token,
			700211, "issuer"},
		{"other audience", func(f *entra.FederatedCredential) { f.Audience = "api://other" }, token,
			700212, "presented assertion audience '" + exchange + "'"},
		{"identity binding token without its proxy", nil, w.serviceAccountToken(t, "api://AKSIdentityBinding"),
			700212, "presented assertion audience 'api://AKSIdentityBinding'"},
		{"other subject", func(f *entra.FederatedCredential) { f.Subject = "system:serviceaccount:shop:cart" }, token,
			700213, "presented assertion subject '" + shopWeb + "'. Please check"},
		{"subject in another case", func(f *entra.FederatedCredential) { f.Subject = "system:serviceaccount:Shop:web" }, token,
			7002138, "The subject matches with case-insensitive comparison, but not with case-sensitive comparison."},
		{"no JWT", nil, "none.of.it", 50027, "Invalid JWT token."},
		{"signature cut off", nil, token[:len(token)-8], 700027, "[Reason - The provided signature value did not match"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			credential := fit
			if tc.trust != nil {
				tc.trust(&credential)
			}
			app, err := w.directory.AddApplication(entra.Application{
				Name: tc.name, Federated: []entra.FederatedCredential{credential},
			})
			if err != nil {
				t.Fatal(err)
			}
			a := w.assertionAsk(tc.token)
			a.form.Set("client_id", app.ClientID)
			expectRefusal(t, w.send(t, a), 401, "invalid_client", tc.code, tc.says)
		})
	}
}

// TestFederatedIdentity: a user-assigned identity is a client like an application, a system-assigned one is not.
func TestFederatedIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	user, err := w.directory.AddIdentity(entra.Identity{Name: "web-id", Federated: []entra.FederatedCredential{w.trust("cluster", shopWeb)}})
	if err != nil {
		t.Fatal(err)
	}
	system, err := w.directory.AddIdentity(entra.Identity{Name: "node-1", SystemAssigned: true})
	if err != nil {
		t.Fatal(err)
	}
	a := w.assertionAsk(w.serviceAccountToken(t, exchange))
	a.form.Set("client_id", user.ClientID)
	claims, err := w.directory.Verify(w.send(t, a).AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims.ObjectID != user.ObjectID || claims.ResourceID != user.ResourceID {
		t.Errorf("the token is for %+v, want %+v", claims, user)
	}
	a.form.Set("client_id", system.ClientID)
	expectRefusal(t, w.send(t, a), 400, "unauthorized_client", 700016, system.ClientID)
}

// TestAssertionOutsideItsTime: strict without leeway, forgiving within it.
func TestAssertionOutsideItsTime(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	w := newWorld(t, now, nil)
	token, _, err := w.issuer.Mint(issuer.Account{Namespace: "shop", Name: "web"}, exchange, 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	now.Advance(10 * time.Minute)
	got := w.send(t, w.assertionAsk(string(token.Reveal())))
	expectRefusal(t, got, 401, "invalid_client", 700024,
		"Client assertion is not within its valid time range. Current time: 2030-01-02T03:14:05.0000000Z, "+
			"assertion valid from 2030-01-02T03:04:05.0000000Z, expiry time of assertion 2030-01-02T03:14:05.0000000Z. Review")

	forgiving := newWorld(t, now, func(c *entra.Config) { c.Leeway = 5 * time.Minute })
	token, _, err = forgiving.issuer.Mint(issuer.Account{Namespace: "shop", Name: "web"}, exchange, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	now.Advance(5 * time.Minute)
	if got := forgiving.send(t, forgiving.assertionAsk(string(token.Reveal()))); got.Status != 200 {
		t.Errorf("within the leeway: %s", got.Description)
	}
}

// TestPropagationDelay: a credential made a moment ago is not known everywhere.
func TestPropagationDelay(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	w := newWorld(t, now, func(c *entra.Config) { c.PropagationDelay = 2 * time.Minute })
	app, err := w.directory.AddApplication(entra.Application{Name: "new"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.directory.AddFederated(app.ClientID, w.trust("cluster", shopWeb)); err != nil {
		t.Fatal(err)
	}
	a := w.assertionAsk(w.serviceAccountToken(t, exchange))
	a.form.Set("client_id", app.ClientID)
	expectRefusal(t, w.send(t, a), 400, "invalid_request", 70021,
		"Assertion Issuer: '"+w.issuer.URL()+"'. Assertion Subject: '"+shopWeb+"'. Assertion Audience: '"+exchange+"'.")
	now.Advance(2 * time.Minute)
	if got := w.send(t, a); got.Status != 200 {
		t.Errorf("after the delay: %s", got.Description)
	}
}

// TestIssuerKeys: fetched once, again for a key not seen before, and again when they are old.
func TestIssuerKeys(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	w := newWorld(t, now, nil)
	before := w.serviceAccountToken(t, exchange)
	expect := func(step, token string, fetches int) {
		t.Helper()
		if got := w.send(t, w.assertionAsk(token)); got.Status != 200 {
			t.Errorf("%s: %s", step, got.Description)
		}
		if n := w.hits.count("/openid/v1/jwks"); n != fetches {
			t.Errorf("%s: keys fetched %d times, want %d", step, n, fetches)
		}
	}
	expect("first", before, 1)
	expect("second", before, 1)
	if err := w.issuer.Rotate(); err != nil {
		t.Fatal(err)
	}
	expect("after rotation", w.serviceAccountToken(t, exchange), 2)
	expect("old token after rotation", before, 2)
	now.Advance(11 * time.Minute)
	expect("old keys", before, 3)
}

// TestIssuerFailures: whatever is wrong with an issuer is AADSTS90061, and says what it was.
func TestIssuerFailures(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		client func(*world) *http.Client
		says   string
	}{
		{"no client", func(*world) *http.Client { return nil }, "no client for issuers"},
		{"unreachable", func(*world) *http.Client { return closedToAll() }, "cannot be reached"},
		{"answers an error", func(*world) *http.Client { return answering(500, "oops") }, "answered 500"},
		{"answers no JSON", func(*world) *http.Client { return answering(200, "<html>") }, "did not answer JSON"},
		{"names another issuer", func(*world) *http.Client { return answering(200, `{"issuer":"https://evil.example"}`) }, "names the issuer"},
		{"keys without TLS", func(w *world) *http.Client {
			return answering(200, `{"issuer":"`+w.issuer.URL()+`","jwks_uri":"http://issuer.azure.localhost/jwks"}`)
		}, "is not an https URL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			late := &http.Client{}
			w := newWorld(t, nil, func(c *entra.Config) { c.Issuers = late })
			if client := tc.client(w); client != nil {
				late.Transport = client.Transport
			} else {
				w = newWorld(t, nil, func(c *entra.Config) { c.Issuers = nil })
			}
			got := w.send(t, w.assertionAsk(w.serviceAccountToken(t, exchange)))
			expectRefusal(t, got, 400, "invalid_request", 90061, "Request to External OIDC endpoint failed.")
			if !strings.Contains(got.Description, tc.says) {
				t.Errorf("description %q does not say %q", got.Description, tc.says)
			}
		})
	}
}

// TestFederatedForgeries: keys the issuer does not publish, and algorithms Entra does not take from one.
func TestFederatedForgeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	claims := map[string]any{
		"iss": w.issuer.URL(), "sub": shopWeb, "aud": []string{exchange}, "exp": time.Now().Add(time.Hour).Unix(),
	}
	keys, err := w.issuer.Keys()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		token string
		code  int
		says  string
	}{
		{"unpublished key", forge(t, strangerPair().key, jose.RS256, map[string]any{"kid": "mine"}, claims), 700027, "The key was not found."},
		{"borrowed key id", forge(t, strangerPair().key, jose.RS256, map[string]any{"kid": keys.Keys[0].KeyID}, claims), 700027, "did not match"},
		{"no key id", forge(t, strangerPair().key, jose.RS256, nil, claims), 700027, "did not match"},
		{"PS256", forge(t, strangerPair().key, jose.PS256, nil, claims), 50027, "RS256"},
		{"no expiry", forge(t, strangerPair().key, jose.RS256, nil, map[string]any{"iss": w.issuer.URL()}), 50027, "expiry"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			expectRefusal(t, w.send(t, w.assertionAsk(tc.token)), 401, "invalid_client", tc.code, tc.says)
		})
	}
}
