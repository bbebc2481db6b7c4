package entra_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
)

// TestGoodRequests lists the spellings of a request that all mean the same.
func TestGoodRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	for _, tc := range []struct {
		name   string
		change func(*ask)
	}{
		{"as the Go SDK sends it", func(*ask) {}},
		{"as the JavaScript SDK sends it", func(a *ask) {
			a.path += "?client-request-id=0b8f8f6a-1111-4222-8333-444455556666"
			a.form.Set("scope", vault+"/.default")
		}},
		{"tenant by domain", func(a *ask) { a.path = "/Contoso.Example/oauth2/v2.0/token" }},
		{"doubled slashes", func(a *ask) { a.path = "//" + w.tenant.ID + "//oauth2/v2.0//token/" }},
		{"client id in upper case", func(a *ask) { a.form.Set("client_id", strings.ToUpper(w.web.ClientID)) }},
		{"default scope last", func(a *ask) { a.form.Set("scope", "openid  profile "+vault+"/.default") }},
		{"HTTP Basic", func(a *ask) {
			a.form.Del("client_id")
			a.form.Del("client_secret")
			user := url.QueryEscape(w.web.ClientID) + ":" + url.QueryEscape(goodPassword)
			a.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user)))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := w.secretAsk()
			tc.change(a)
			got := w.send(t, a)
			if got.Status != 200 {
				t.Fatalf("refused: %s", got.Description)
			}
			claims, err := w.directory.Verify(got.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if claims.Audience != vault || claims.AppID != w.web.ClientID || claims.Proof != entra.BySecret {
				t.Errorf("claims %+v", claims)
			}
		})
	}
}

// TestAnswers holds the two versions' forms against each other: numbers in one, strings in the other.
func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), func(c *entra.Config) { c.RefreshIn = true })
	two := w.send(t, w.secretAsk())
	if two.ExpiresIn != 3599.0 || two.RefreshIn != 1799.0 || two.ExpiresOn != nil {
		t.Errorf("version 2: %+v", two)
	}
	a := w.secretAsk()
	a.path = "/" + w.tenant.ID + "/oauth2/token"
	a.form.Del("scope")
	a.form.Set("resource", "https://management.core.windows.net/")
	one := w.send(t, a)
	if one.ExpiresIn != "3599" || one.RefreshIn != "1799" || one.ExpiresOn != "1893557044" || one.Resource != "https://management.core.windows.net/" {
		t.Errorf("version 1: %+v", one)
	}
}

// TestTokenClaims reads a token as a resource would, without the directory's help.
func TestTokenClaims(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	w := newWorld(t, now, nil)
	identity, err := w.directory.AddIdentity(entra.Identity{Name: "web-id"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.directory.Issue(identity.ObjectID, "https://vault.azure.localhost:41233", entra.Grant{Continuous: true})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(token.Value.Reveal()), ".")
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	if header["typ"] != "JWT" || header["alg"] != "RS256" || header["kid"] == "" || header["kid"] != header["x5t"] {
		t.Errorf("header %v", header)
	}
	start := float64(now.Now().Unix())
	iss := "https://sts.windows.net/" + w.tenant.ID + "/"
	want := map[string]any{
		"aud": "https://vault.azure.localhost:41233", "iss": iss, "idp": iss, "tid": w.tenant.ID, "ver": "1.0",
		"iat": start, "nbf": start, "exp": start + 86399, "idtyp": "app", "appid": identity.ClientID, "appidacr": "2",
		"oid": identity.ObjectID, "sub": identity.ObjectID, "uti": claims["uti"],
		"xms_cc": []any{"CP1"}, "xms_mirid": identity.ResourceID,
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
}

// TestVerify: a token is good from its first second to its last, and only as we signed it.
func TestVerify(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	w := newWorld(t, now, nil)
	token, err := w.directory.Issue(w.web.ObjectID, vault, entra.Grant{Proof: entra.BySecret})
	if err != nil {
		t.Fatal(err)
	}
	raw := string(token.Value.Reveal())
	if _, err := w.directory.Verify(raw); err != nil {
		t.Errorf("a new token: %v", err)
	}
	if !w.directory.Remove(w.web.ClientID) {
		t.Error("the application is not there to remove")
	}
	if _, err := w.directory.Verify(raw); err != nil {
		t.Errorf("after its principal is gone: %v", err)
	}

	stranger := entra.NewDirectory(entra.DirectoryConfig{Clock: now}) // with a key of its own
	for _, tc := range []struct {
		name   string
		where  *entra.Directory
		raw    string
		reason entra.Reason
		kind   fault.Kind
	}{
		{"no JWT", w.directory, "secret", entra.Malformed, fault.Denied},
		{"changed", w.directory, raw[:len(raw)-8] + "AAAAAAAA", entra.BadSignature, fault.Denied},
		{"another directory's", stranger, raw, entra.BadSignature, fault.Denied},
	} {
		_, err := tc.where.Verify(tc.raw)
		if !errors.Is(err, tc.reason) || fault.KindOf(err) != tc.kind {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.reason)
		}
		if err != nil && strings.Contains(err.Error(), tc.raw) {
			t.Errorf("%s: the error holds the token", tc.name)
		}
	}
	now.Advance(-time.Minute)
	if _, err := w.directory.Verify(raw); !errors.Is(err, entra.NotYetValid) {
		t.Errorf("too early: %v", err)
	}
	now.Advance(time.Minute + 3599*time.Second)
	if claims, err := w.directory.Verify(raw); !errors.Is(err, entra.TokenExpired) || claims.AppID != w.web.ClientID {
		t.Errorf("too late: %v, claims %+v", err, claims)
	}
}

// TestIssue: for whom and what there is no token, and when two requests may share one.
func TestIssue(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	w := newWorld(t, now, nil)
	issue := func(g entra.Grant) entra.Token {
		t.Helper()
		token, err := w.directory.Issue(w.web.ObjectID, vault, g)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := issue(entra.Grant{})
	now.Advance(4 * time.Second)
	if again := issue(entra.Grant{}); !again.Value.Equal(first.Value) || again.ExpiresOn != first.ExpiresOn {
		t.Error("a token signed a moment ago was not used again as it is")
	}
	if fresh := issue(entra.Grant{Fresh: true}); fresh.Value.Equal(first.Value) {
		t.Error("a fresh token was asked for")
	}
	if other := issue(entra.Grant{Proof: entra.BySecret}); other.Value.Equal(first.Value) {
		t.Error("another proof, the same token")
	}
	if short := issue(entra.Grant{Lifetime: time.Minute}); short.ExpiresOn != now.Now().Add(time.Minute) {
		t.Errorf("asked for a minute, expires %s", short.ExpiresOn)
	}
	now.Advance(time.Minute)
	if later := issue(entra.Grant{}); later.Value.Equal(first.Value) {
		t.Error("an old token was handed out")
	}

	if _, err := w.directory.Issue(w.web.ClientID, vault, entra.Grant{}); !errors.Is(err, entra.UnknownObject) {
		t.Errorf("a client id is no object id: %v", err)
	}
	if _, err := w.directory.Issue(w.web.ObjectID, "https://unknown.example", entra.Grant{}); !errors.Is(err, entra.UnknownResource) {
		t.Errorf("unknown resource: %v", err)
	}
}

// TestResources: names match with any port and trailing slash, but only whole.
func TestResources(t *testing.T) {
	t.Parallel()
	d := entra.NewDirectory(entra.DirectoryConfig{Resources: []string{"https://vault.private.example", "api://shop"}})
	for name, known := range map[string]bool{
		"https://vault.azure.net": true, "https://vault.azure.net/": true, "https://VAULT.azure.net": true,
		"https://vault.azure.net:8443": true, "https://management.core.windows.net//": true,
		"https://vault.private.example:41233": true, "api://shop": true, "cfa8b339-82a2-471a-a3c9-0fc0be7a4093": true,
		"https://shop.vault.azure.net": false, "http://vault.azure.net": false, "vault.azure.net": false, "": false,
		"https://vault.azure.net/x": false, "api://shop2": false, "https://vault.azure.net:8443/x": false,
	} {
		if d.KnowsResource(name) != known {
			t.Errorf("%q: known is %t, want %t", name, !known, known)
		}
	}
}
