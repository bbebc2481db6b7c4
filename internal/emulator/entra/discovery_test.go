package entra_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"strongroom/internal/emulator/entra"
)

func (w *world) get(t *testing.T, address string, into any) int {
	t.Helper()
	resp, err := w.client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %s: %v", address, body, err)
	}
	return resp.StatusCode
}

// TestInstanceDiscovery: an authority is known by the host it is asked on, its configured names and the public ones.
func TestInstanceDiscovery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	own := strings.TrimPrefix(w.login, "https://")
	for _, tc := range []struct {
		name, asked, endpoint, alias string
	}{
		{"itself", w.login, w.login + "/contoso.example/oauth2/v2.0/authorize", own},
		{"itself, asked by the public name", "https://login.microsoftonline.com", w.login + "/contoso.example/oauth2/v2.0/authorize", own},
		{"the public name", "https://login.microsoftonline.com", "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/authorize", "login.windows.net"},
		{"China", w.login, "https://login.chinacloudapi.cn/contoso.example/oauth2/v2.0/authorize", "login.partner.microsoftonline.cn"},
		{"a stranger", w.login, "https://login.example/contoso.example/oauth2/v2.0/authorize", ""},
		{"nothing", w.login, "", ""},
		{"no tenant", w.login, w.login + "/", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got struct {
				Endpoint string `json:"tenant_discovery_endpoint"`
				Version  string `json:"api-version"`
				Metadata []struct{ Aliases []string }
				answer
			}
			query := "/common/discovery/instance?api%2Dversion=1.1&authorization_endpoint=" + tc.endpoint
			status := w.get(t, tc.asked+query, &got)
			if tc.alias == "" {
				if status != 400 || got.Error != "invalid_instance" || got.Codes[0] != 50049 {
					t.Errorf("got %d %+v", status, got)
				}
				return
			}
			want := strings.Replace(tc.endpoint, "/oauth2/v2.0/authorize", "/v2.0/.well-known/openid-configuration", 1)
			if status != 200 || got.Version != "1.1" || got.Endpoint != want {
				t.Errorf("got %d %+v", status, got)
			}
			if !slices.ContainsFunc(got.Metadata, func(m struct{ Aliases []string }) bool { return slices.Contains(m.Aliases, tc.alias) }) {
				t.Errorf("no alias list has %s: %+v", tc.alias, got.Metadata)
			}
		})
	}
}

// TestOpenIDDocument: everything it names is on the host it was asked on; the published key verifies a token.
func TestOpenIDDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	for _, tc := range []struct{ host, path, issuer, token string }{
		{w.login, "/" + w.tenant.ID + "/v2.0/.well-known/openid-configuration?", w.login + "/" + w.tenant.ID + "/v2.0", "/oauth2/v2.0/token"},
		{w.login, "/contoso.example/v2.0/.well-known/openid-configuration", w.login + "/" + w.tenant.ID + "/v2.0", "/oauth2/v2.0/token"},
		{w.login, "//contoso.example/.well-known/openid-configuration/", "https://sts.windows.net/" + w.tenant.ID + "/", "/oauth2/token"},
		{w.login, "/common/v2.0/.well-known/openid-configuration", w.login + "/{tenantid}/v2.0", "/oauth2/v2.0/token"},
		{"https://login.microsoftonline.com", "/contoso.example/v2.0/.well-known/openid-configuration", "https://login.microsoftonline.com/" + w.tenant.ID + "/v2.0", "/oauth2/v2.0/token"},
	} {
		var doc map[string]any
		if status := w.get(t, tc.host+tc.path, &doc); status != 200 {
			t.Errorf("%s: status %d", tc.path, status)
		}
		if doc["issuer"] != tc.issuer {
			t.Errorf("%s: issuer %v, want %s", tc.path, doc["issuer"], tc.issuer)
		}
		for _, name := range []string{"token_endpoint", "authorization_endpoint", "jwks_uri"} {
			if address, _ := doc[name].(string); !strings.HasPrefix(address, tc.host+"/") {
				t.Errorf("%s: %s is %q", tc.path, name, address)
			}
		}
		if endpoint, _ := doc["token_endpoint"].(string); !strings.HasSuffix(endpoint, tc.token) {
			t.Errorf("%s: token endpoint %q", tc.path, endpoint)
		}
		w.checkKeys(t, doc["jwks_uri"].(string))
	}

	var refused answer
	if status := w.get(t, w.login+"/nowhere.example/v2.0/.well-known/openid-configuration", &refused); status != 400 ||
		refused.Error != "invalid_tenant" || refused.Codes[0] != 90002 {
		t.Errorf("unknown tenant: %d %+v", status, refused)
	}
}

func (w *world) checkKeys(t *testing.T, address string) {
	t.Helper()
	var keys jose.JSONWebKeySet
	if status := w.get(t, address, &keys); status != 200 || len(keys.Keys) != 1 || len(keys.Keys[0].Certificates) != 1 {
		t.Fatalf("%s: %d %+v", address, status, keys)
	}
	issued, err := w.directory.Issue(w.web.ObjectID, vault, entra.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.ParseSigned(string(issued.Value.Reveal()), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Claims(keys, new(jwt.Claims)); err != nil {
		t.Errorf("the published keys do not verify a token: %v", err)
	}
}

func TestUnknownPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	for _, path := range []string{"", "/", "/contoso.example/oauth2/v2.0/authorize", "/contoso.example"} {
		resp, err := w.client.Get(w.login + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q: status %d", path, resp.StatusCode)
		}
	}
}
