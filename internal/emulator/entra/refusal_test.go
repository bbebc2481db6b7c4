package entra_test

import (
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/secret"
)

// TestRefusals spoils a good request in one way each and reads the answer a tenant gives to that.
func TestRefusals(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	w := newWorld(t, now, nil)
	stale, err := w.directory.AddApplication(entra.Application{Name: "stale", Secrets: []entra.ClientSecret{
		{Name: "old", Value: secret.NewValue([]byte("bygone")), Expires: now.Now().Add(-time.Hour)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	blocked, err := w.directory.AddApplication(entra.Application{Name: "blocked", Blocked: true, Secrets: w.web.Secrets})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := w.directory.AddTenant(entra.Tenant{Domain: "fabrikam.example"})
	if err != nil {
		t.Fatal(err)
	}

	for _, tc := range []struct {
		name   string
		spoil  func(*ask)
		status int
		error  string
		code   int
		says   string
	}{
		{"no such tenant", func(a *ask) { a.path = "/nowhere.example/oauth2/v2.0/token" },
			400, "invalid_request", 90002, "Tenant 'nowhere.example' not found. Check to make sure you have the correct tenant ID"},
		{"no such application", func(a *ask) { a.form.Set("client_id", "7f3d2a5e-0000-4000-8000-000000000000") },
			400, "unauthorized_client", 700016, "Application with identifier '7f3d2a5e-0000-4000-8000-000000000000' was not found in the directory 'contoso.example'."},
		{"application of another tenant", func(a *ask) { a.path = "/" + elsewhere.ID + "/oauth2/v2.0/token" },
			400, "unauthorized_client", 700016, "was not found in the directory 'fabrikam.example'"},
		{"wrong secret", func(a *ask) { a.form.Set("client_secret", "guess") },
			401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + w.web.ClientID + "'."},
		{"the secret's id in place of its value", func(a *ask) { a.form.Set("client_secret", w.web.Secrets[0].KeyID) },
			401, "invalid_client", 7000215, "not the client secret ID"},
		{"expired secret", func(a *ask) { a.form.Set("client_id", stale.ClientID); a.form.Set("client_secret", "bygone") },
			401, "invalid_client", 7000222, "The provided client secret keys for app '" + stale.ClientID + "' are expired."},
		{"no credential", func(a *ask) { a.form.Del("client_secret") },
			401, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
		{"conditional access", func(a *ask) { a.form.Set("client_id", blocked.ClientID) },
			400, "invalid_grant", 53003, "Access has been blocked by Conditional Access policies."},
		{"resource nobody knows", func(a *ask) { a.form.Set("scope", "https://shop.vault.azure.net/.default") },
			400, "invalid_resource", 500011, "The resource principal named https://shop.vault.azure.net was not found in the tenant named contoso.example."},
		{"scope without /.default", func(a *ask) { a.form.Set("scope", vault+"/user_impersonation openid") },
			400, "invalid_scope", 1002012, "Client credential flows must have a scope value with /.default"},
		{"/.default of nothing", func(a *ask) { a.form.Set("scope", "/.default") },
			400, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid."},
		{"two resources at once", func(a *ask) { a.form.Set("scope", vault+"/.default https://graph.microsoft.com/.default") },
			400, "invalid_scope", 70011, "is not valid"},
		{"no scope", func(a *ask) { a.form.Del("scope") },
			400, "invalid_request", 900144, "'scope'"},
		{"version 1 parameter on version 2", func(a *ask) { a.form.Set("resource", vault) },
			400, "invalid_request", 901002, "The 'resource' request parameter isn't supported."},
		{"version 1 without its parameter", func(a *ask) { a.path = "/" + w.tenant.ID + "/oauth2/token" },
			400, "invalid_request", 900144, "'resource'"},
		{"no grant", func(a *ask) { a.form.Del("grant_type") },
			400, "invalid_request", 900144, "'grant_type'"},
		{"another grant", func(a *ask) { a.form.Set("grant_type", "password") },
			400, "unsupported_grant_type", 70003, "unsupported grant type 'password'"},
		{"no client id", func(a *ask) { a.form.Del("client_id") },
			400, "invalid_request", 900144, "'client_id'"},
		{"fields in the query", func(a *ask) { a.path += "?" + a.form.Encode(); a.form = nil },
			400, "invalid_request", 900144, "'grant_type'"},
		{"claims that are no JSON", func(a *ask) { a.form.Set("claims", "{") },
			400, "invalid_request", 90023, "claims"},
		{"GET", func(a *ask) { a.method = "GET" },
			400, "invalid_request", 900561, "Received a GET request."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := w.secretAsk()
			tc.spoil(a)
			got := w.send(t, a)
			expectRefusal(t, got, tc.status, tc.error, tc.code, tc.says)
			if strings.Contains(got.Description, goodPassword) || strings.Contains(got.Description, "guess") {
				t.Error("the answer repeats a secret")
			}
		})
	}

	t.Run("conditional access says which policy", func(t *testing.T) {
		a := w.secretAsk()
		a.form.Set("client_id", blocked.ClientID)
		if got := w.send(t, a); got.Suberror != "message_only" || !strings.Contains(got.Claims, "capolids") {
			t.Errorf("suberror %q, claims %q", got.Suberror, got.Claims)
		}
		if err := w.directory.SetBlocked(blocked.ObjectID, false); err != nil {
			t.Fatal(err)
		}
		if got := w.send(t, a); got.Status != 200 {
			t.Errorf("still refused after the policy was lifted: %+v", got)
		}
	})
}

func expectRefusal(t *testing.T, got answer, status int, name string, code int, says string) {
	t.Helper()
	if got.Status != status || got.Error != name || len(got.Codes) != 1 || got.Codes[0] != code {
		t.Errorf("got %d %s %v, want %d %s %d\n%s", got.Status, got.Error, got.Codes, status, name, code, got.Description)
	}
	if !strings.Contains(got.Description, says) {
		t.Errorf("description %q\ndoes not say %q", got.Description, says)
	}
	if got.AccessToken != "" {
		t.Error("a refusal carries a token")
	}
}

// TestRefusalBody holds the whole form of an error.
func TestRefusalBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	const id = "0b8f8f6a-1111-4222-8333-444455556666"
	a := w.secretAsk()
	a.form.Set("client_secret", "guess")
	a.header.Set("client-request-id", id)
	got := w.send(t, a)

	want := "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client " +
		"secret value, not the client secret ID, for a secret added to app '" + w.web.ClientID + "'." +
		"\r\nTrace ID: " + got.TraceID + "\r\nCorrelation ID: " + id + "\r\nTimestamp: 2030-01-02 03:04:05Z"
	if got.Description != want {
		t.Errorf("description\n%q, want\n%q", got.Description, want)
	}
	if got.Timestamp != "2030-01-02 03:04:05Z" || got.Correlation != id || len(got.TraceID) != 36 {
		t.Errorf("timestamp %q, correlation %q, trace %q", got.Timestamp, got.Correlation, got.TraceID)
	}
	if got.URI != "https://login.microsoftonline.com/error?code=7000215" {
		t.Errorf("error_uri %q", got.URI)
	}
}
