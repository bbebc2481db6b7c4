package tokenproxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/issuer"
	"strongroom/internal/emulator/tokenproxy"
	"strongroom/internal/fault"
)

const vault = "https://vault.azure.net"

// cluster is an AKS cluster's part of identity bindings, with the Entra behind it, on one TLS listener.
type cluster struct {
	tenant    entra.Tenant
	identity  entra.Identity
	directory *entra.Directory
	issuer    *issuer.Issuer
	proxy     *tokenproxy.Proxy
	server    *httptest.Server
	queries   atomic.Value // raw query of the last token request that reached Entra
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{directory: entra.NewDirectory(entra.DirectoryConfig{})}
	c.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.proxy.ServeHTTP(w, r) }))
	t.Cleanup(c.server.Close)
	login := entra.New(entra.Config{Directory: c.directory, Issuers: c.clientTo("tokenproxy.azure.localhost")})
	c.issuer = issuer.New(issuer.Config{URL: "https://issuer.example"})
	c.proxy = tokenproxy.New(tokenproxy.Config{
		URL:       "https://tokenproxy.azure.localhost",
		Directory: c.directory,
		Tokens:    c.issuer,
		Entra: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				c.queries.Store(r.URL.RawQuery)
			}
			login.ServeHTTP(w, r)
		}),
	})
	var err error
	if c.tenant, err = c.directory.AddTenant(entra.Tenant{Domain: "contoso.example"}); err != nil {
		t.Fatal(err)
	}
	if c.identity, err = c.directory.AddIdentity(entra.Identity{Name: "web-id"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// clientTo reaches the listener under that one name and nothing else.
func (c *cluster) clientTo(host string) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(c.server.Certificate())
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "example.com"},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if name, _, _ := net.SplitHostPort(address); name != host {
				return nil, fmt.Errorf("a test may not call %s", address)
			}
			return new(net.Dialer).DialContext(ctx, network, c.server.Listener.Addr().String())
		},
	}}
}

func (c *cluster) token(t *testing.T, account, audience string, ttl time.Duration) string {
	t.Helper()
	token, _, err := c.issuer.Mint(issuer.Account{Namespace: "shop", Name: account}, audience, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return string(token.Reveal())
}

func (c *cluster) bind(t *testing.T, namespace, account string) {
	t.Helper()
	err := c.proxy.Bind(tokenproxy.Binding{ClientID: c.identity.ClientID, Namespace: namespace, Account: account})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSDK: the unmodified SDK's workload identity with its proxy mode, whose transport reaches this listener only. The
// SDK reads the settings from the environment.
func TestSDK(t *testing.T) {
	c := newCluster(t)
	c.bind(t, "shop", "web")
	dir := t.TempDir()
	caFile, tokenFile := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
	for path, text := range map[string][]byte{caFile: ca, tokenFile: []byte(c.token(t, "web", tokenproxy.Audience, time.Hour))} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AZURE_KUBERNETES_TOKEN_PROXY", c.server.URL)
	t.Setenv("AZURE_KUBERNETES_CA_FILE", caFile)
	t.Setenv("AZURE_KUBERNETES_SNI_NAME", "example.com")
	t.Setenv("AZURE_CLIENT_ID", c.identity.ClientID)
	t.Setenv("AZURE_TENANT_ID", c.tenant.ID)
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", tokenFile)
	for _, offline := range []bool{true, false} {
		credential, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			EnableAzureProxy: true, DisableInstanceDiscovery: offline,
			ClientOptions: policy.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{vault + "/.default"}})
		if err != nil {
			t.Fatalf("instance discovery off: %t: %v", offline, err)
		}
		claims, err := c.directory.Verify(token.Token)
		if err != nil {
			t.Fatal(err)
		}
		if claims.ObjectID != c.identity.ObjectID || claims.Audience != vault || claims.ResourceID != c.identity.ResourceID {
			t.Errorf("claims %+v", claims)
		}
	}
}

type answer struct {
	status      int
	AccessToken string `json:"access_token"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (c *cluster) post(t *testing.T, change func(path *string, form url.Values)) answer {
	t.Helper()
	path := "/" + c.tenant.ID + "/oauth2/v2.0/token"
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.identity.ClientID}, "scope": {vault + "/.default"},
		"client_assertion":      {c.token(t, "web", tokenproxy.Audience, time.Hour)},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	change(&path, form)
	resp, err := c.clientTo("proxy.example").PostForm("https://proxy.example"+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := answer{status: resp.StatusCode}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExchange: who gets through, and what the others hear.
func TestExchange(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.bind(t, "shop", "web")
	for _, tc := range []struct {
		name   string
		change func(path *string, form url.Values)
		status int
		error  string
		says   string
	}{
		{"bound", func(*string, url.Values) {}, 200, "", ""},
		{"bound, version 1", func(path *string, form url.Values) {
			*path = "/" + c.tenant.ID + "/oauth2/token"
			form.Del("scope")
			form.Set("resource", vault)
		}, 200, "", ""},
		{"another account", func(_ *string, form url.Values) {
			form.Set("client_assertion", c.token(t, "cart", tokenproxy.Audience, time.Hour))
		}, 403, "unauthorized_client", "service account shop/cart may not use managed identity " + c.identity.ClientID},
		{"another identity", func(_ *string, form url.Values) { form.Set("client_id", "7f3d2a5e-0000-4000-8000-000000000000") },
			403, "unauthorized_client", "may not use managed identity 7f3d2a5e"},
		{"workload identity's audience", func(_ *string, form url.Values) {
			form.Set("client_assertion", c.token(t, "web", "api://AzureADTokenExchange", time.Hour))
		}, 401, "invalid_client", `not "api://AKSIdentityBinding"`},
		{"no JWT", func(_ *string, form url.Values) { form.Set("client_assertion", "x") }, 401, "invalid_client", "is not a JWT"},
		{"no assertion", func(_ *string, form url.Values) { form.Del("client_assertion") }, 400, "invalid_request", "only a service account token"},
		{"a secret", func(_ *string, form url.Values) { form.Set("client_secret", "hush") }, 400, "invalid_request", "only a service account token"},
		{"Entra's own refusal", func(_ *string, form url.Values) { form.Set("scope", "https://unknown.example/.default") },
			400, "invalid_resource", "AADSTS500011"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := c.post(t, tc.change)
			if got.status != tc.status || got.Error != tc.error || !strings.Contains(got.Description, tc.says) {
				t.Errorf("got %d %s %q, want %d %s %q", got.status, got.Error, got.Description, tc.status, tc.error, tc.says)
			}
			if (got.AccessToken != "") != (tc.status == 200) {
				t.Error("a token comes with success and with nothing else")
			}
		})
	}
	t.Run("the query is kept", func(t *testing.T) {
		c.post(t, func(path *string, _ url.Values) { *path += "?dc=EU&client-request-id=7" })
		if got := c.queries.Load(); got != "dc=EU&client-request-id=7" {
			t.Errorf("Entra saw the query %q", got)
		}
	})
}

// TestBindings: one federated credential for all of an identity's bindings, and none after the last.
func TestBindings(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	credentials := func() int { return len(c.directory.Identities()[0].Federated) }
	allowed := func() bool { return c.post(t, func(*string, url.Values) {}).status == 200 }

	c.bind(t, "shop", "cart")
	c.bind(t, "shop", "cart")
	if allowed() {
		t.Error("web uses cart's binding")
	}
	c.bind(t, "*", "web")
	if !allowed() || credentials() != 1 || len(c.proxy.Bindings()) != 2 {
		t.Errorf("allowed %t, %d credentials, bindings %v", allowed(), credentials(), c.proxy.Bindings())
	}
	for _, b := range c.proxy.Bindings() {
		if !c.proxy.Unbind(b) || c.proxy.Unbind(b) {
			t.Errorf("%v can be taken back exactly once", b)
		}
	}
	if allowed() || credentials() != 0 {
		t.Errorf("after the last: allowed %t, %d credentials", allowed(), credentials())
	}
}

func TestBindRefuses(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if _, err := c.directory.AddIdentity(entra.Identity{Name: "node", SystemAssigned: true}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		binding tokenproxy.Binding
		kind    fault.Kind
	}{
		{"no such identity", tokenproxy.Binding{ClientID: "x", Namespace: "shop", Account: "web"}, fault.NotFound},
		{"system-assigned", tokenproxy.Binding{ClientID: "node", Namespace: "shop", Account: "web"}, fault.Invalid},
		{"no account", tokenproxy.Binding{ClientID: c.identity.ClientID, Namespace: "shop"}, fault.Invalid},
	} {
		if err := c.proxy.Bind(tc.binding); err == nil || fault.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
