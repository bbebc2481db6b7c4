package entra_test

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"strongroom/internal/emulator/entra"
	"strongroom/internal/secret"
)

// sdkOptions are what every credential of the SDK takes: our authority, our transport, and no retries, which would
// hide a failure for seconds.
func (w *world) sdkOptions(authority string) policy.ClientOptions {
	return policy.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: authority},
		Transport: w.client,
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
}

// credentials are the ways the unmodified SDK proves itself to a directory, each made anew.
func (w *world) credentials(t *testing.T, options policy.ClientOptions, offline bool) map[string]azcore.TokenCredential {
	t.Helper()
	tenant, client := w.tenant.ID, w.web.ClientID
	must := func(c azcore.TokenCredential, err error) azcore.TokenCredential {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	certificate := func(chain bool) azcore.TokenCredential {
		c, err := azidentity.NewClientCertificateCredential(tenant, client, []*x509.Certificate{webPair().cert}, webPair().key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: offline, SendCertificateChain: chain})
		return must(c, err)
	}
	password, err := azidentity.NewClientSecretCredential(tenant, client, goodPassword,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: offline})
	must(password, err)
	assertion, err := azidentity.NewClientAssertionCredential(tenant, client,
		func(context.Context) (string, error) { return w.serviceAccountToken(t, exchange), nil },
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: offline})
	must(assertion, err)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(w.serviceAccountToken(t, exchange)), 0o600); err != nil {
		t.Fatal(err)
	}
	workload, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: options, DisableInstanceDiscovery: offline, ClientID: client, TenantID: tenant, TokenFilePath: file,
	})
	must(workload, err)
	return map[string]azcore.TokenCredential{
		"secret": password, "certificate": certificate(false), "certificate with chain": certificate(true),
		"assertion": assertion, "workload identity": workload,
	}
}

// TestSDK drives every credential of the unmodified Go SDK through a private and the public authority, with instance
// discovery and without.
func TestSDK(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name        string
		public      bool
		offline     bool
		discoveries int // instance discovery requests for the first token
	}{
		{name: "private authority", offline: true},
		{name: "private authority with instance discovery", discoveries: 2},
		{name: "public authority", public: true, discoveries: 1},
		{name: "public authority without instance discovery", public: true, offline: true},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, nil)
			authority := w.login
			if way.public {
				authority = "https://login.microsoftonline.com"
			}
			for name, credential := range w.credentials(t, w.sdkOptions(authority), way.offline) {
				discoveries, tokens := w.hits.count("/discovery/instance"), w.hits.count("/token")
				for range 2 {
					w.expectToken(t, name, credential, policy.TokenRequestOptions{Scopes: []string{vault + "/.default"}}, time.Hour)
				}
				if n := w.hits.count("/discovery/instance") - discoveries; n != way.discoveries {
					t.Errorf("%s: %d discoveries, want %d", name, n, way.discoveries)
				}
				if n := w.hits.count("/token") - tokens; n != 1 {
					t.Errorf("%s: %d token requests for two uses; the SDK does not cache ours", name, n)
				}
			}
		})
	}
}

// A cloud without Entra names its federation service in the tenant's place; the SDK then signs assertions by older rules.
func TestSDKWithAFederationService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	w.tenant.ID = "adfs"
	for name, credential := range w.credentials(t, w.sdkOptions(w.login), true) {
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{vault + "/.default"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if claims, err := w.directory.Verify(token.Token); err != nil || claims.ObjectID != w.web.ObjectID {
			t.Errorf("%s: %+v, %v", name, claims, err)
		}
	}
}

func (w *world) expectToken(t *testing.T, name string, c azcore.TokenCredential, o policy.TokenRequestOptions, life time.Duration) entra.Claims {
	t.Helper()
	token, err := c.GetToken(t.Context(), o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	claims, err := w.directory.Verify(token.Token)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if claims.Audience != vault || claims.ObjectID != w.web.ObjectID || claims.TenantID != w.tenant.ID {
		t.Errorf("%s: claims %+v", name, claims)
	}
	if left := time.Until(token.ExpiresOn); left < life-time.Minute || left > life {
		t.Errorf("%s: the token has %s left, want about %s", name, left, life)
	}
	return claims
}

// TestSDKContinuousAccess: a client that understands challenges gets a long token, and a new one on a challenge.
func TestSDKContinuousAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	for name, credential := range w.credentials(t, w.sdkOptions(w.login), true) {
		ask := policy.TokenRequestOptions{Scopes: []string{vault + "/.default"}, EnableCAE: true}
		first := w.expectToken(t, name, credential, ask, 24*time.Hour)
		ask.Claims = `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
		second := w.expectToken(t, name, credential, ask, 24*time.Hour)
		if !first.Continuous || !second.Continuous {
			t.Errorf("%s: the tokens do not say that the client understands challenges", name)
		}
		if first.ID == second.ID {
			t.Errorf("%s: the challenge was answered with the challenged token", name)
		}
	}
}

// TestSDKRefusal: the SDK shows our sentence, and does not try again.
func TestSDKRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	options := w.sdkOptions(w.login)
	options.Retry = policy.RetryOptions{}
	credential, err := azidentity.NewClientSecretCredential(w.tenant.ID, w.web.ClientID, "guess",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{vault + "/.default"}})
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "AADSTS7000215: Invalid client secret provided.") {
		t.Errorf("error %v", err)
	}
	if n := w.hits.count("/token"); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// TestSDKStranger: an authority this directory does not go by is refused before any credential is sent.
func TestSDKStranger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	credential, err := azidentity.NewClientSecretCredential(w.tenant.ID, w.web.ClientID, goodPassword,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: w.sdkOptions("https://login.example")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{vault + "/.default"}})
	if err == nil || !strings.Contains(err.Error(), "invalid_instance") {
		t.Errorf("error %v", err)
	}
	if n := w.hits.count("/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func BenchmarkIssue(b *testing.B) {
	d := entra.NewDirectory(entra.DirectoryConfig{})
	if _, err := d.AddTenant(entra.Tenant{Domain: "contoso.example"}); err != nil {
		b.Fatal(err)
	}
	app, err := d.AddApplication(entra.Application{Name: "web", Secrets: []entra.ClientSecret{{Value: secret.NewValue([]byte("x"))}}})
	if err != nil {
		b.Fatal(err)
	}
	for _, fresh := range []bool{false, true} {
		b.Run(map[bool]string{false: "recent", true: "fresh"}[fresh], func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Issue(app.ObjectID, vault, entra.Grant{Fresh: fresh}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	token, err := d.Issue(app.ObjectID, vault, entra.Grant{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Verify(string(token.Value.Reveal())); err != nil {
				b.Fatal(err)
			}
		}
	})
}
