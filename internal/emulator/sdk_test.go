package emulator_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/google/go-cmp/cmp"

	"strongroom/internal/emulator"
)

// The tests here drive the emulator with the unmodified Azure SDK, its verification of challenges left on.

// options are those of an SDK client whose cloud is the emulator.
func options(e *emulator.Emulator) azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: e.Endpoints().Authority},
		Transport: e.HTTPClient(),
	}
}

func secretCredential(t *testing.T, o azcore.ClientOptions) azcore.TokenCredential {
	t.Helper()
	c, err := azidentity.NewClientSecretCredential(tenant, servicePrincipal, clientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func secretsOf(t *testing.T, vault string, c azcore.TokenCredential, o azcore.ClientOptions) *azsecrets.Client {
	t.Helper()
	client, err := azsecrets.NewClient(vault, c, &azsecrets.ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// wantSecret reads secret1 and compares.
func wantSecret(t *testing.T, client *azsecrets.Client) {
	t.Helper()
	got, err := client.GetSecret(t.Context(), "secret1", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Value != "demo-secret-one" {
		t.Errorf("got %q", *got.Value)
	}
}

func TestTheSDKReadsWithAClientSecret(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	o := options(e)
	credential := secretCredential(t, o)
	for _, vault := range []string{"shop-policies", "shop-rbac"} {
		wantSecret(t, secretsOf(t, e.VaultURL(vault), credential, o))
	}
	want := map[string]int{"oidc": 1, "token": 1, "challenge": 2, "secret-get": 2}
	if diff := cmp.Diff(want, e.Counts()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTheSDKReadsKeysAndCertificates(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	o := options(e)
	credential := secretCredential(t, o)
	keys, err := azkeys.NewClient(e.VaultURL("shop-policies"), credential, &azkeys.ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	if key, err := keys.GetKey(t.Context(), "key1", "", nil); err != nil || len(key.Key.N) == 0 {
		t.Errorf("key: %v", err)
	}
	certificates, err := azcertificates.NewClient(e.VaultURL("shop-policies"), credential, &azcertificates.ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	if cert, err := certificates.GetCertificate(t.Context(), "cert1", "", nil); err != nil || len(cert.CER) == 0 {
		t.Errorf("certificate: %v", err)
	}
}

// publicOptions are those of a program that knows nothing of an emulator but a proxy and a CA.
func publicOptions(t *testing.T, e *emulator.Emulator) azcore.ClientOptions {
	t.Helper()
	proxy, err := url.Parse(e.Endpoints().Proxy)
	if err != nil {
		t.Fatal(err)
	}
	client := e.HTTPClient()
	transport := client.Transport.(*http.Transport)
	transport.Proxy = http.ProxyURL(proxy)
	t.Cleanup(client.CloseIdleConnections)
	return azcore.ClientOptions{Transport: client}
}

func TestTheSDKReadsThroughTheProxyUnderPublicNames(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	o := publicOptions(t, e)
	credential, err := azidentity.NewClientSecretCredential(tenant, servicePrincipal, clientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: o}) // instance discovery included
	if err != nil {
		t.Fatal(err)
	}
	wantSecret(t, secretsOf(t, "https://shop-policies.vault.azure.net", credential, o))
	want := map[string]int{"discovery": 1, "oidc": 1, "token": 1, "challenge": 1, "secret-get": 1}
	if diff := cmp.Diff(want, e.Counts()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTheSDKReadsWithWorkloadIdentity(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	o := options(e)
	for name, client := range map[string]string{"an application": workload, "a user-assigned identity": identity} {
		file := filepath.Join(t.TempDir(), "token")
		token, _, err := e.ServiceAccountToken("default", account, "api://AzureADTokenExchange", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		credential, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: o, ClientID: client, TenantID: tenant, TokenFilePath: file, DisableInstanceDiscovery: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		wantSecret(t, secretsOf(t, e.VaultURL("shop-rbac"), credential, o))
	}
}

// toLoopback sends what is meant for the metadata address to a node's stand-in. The real address is never used.
type toLoopback struct {
	base   *url.URL
	client *http.Client
}

func (t toLoopback) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "169.254.169.254" {
		return nil, errors.New("unexpected host " + r.URL.Host)
	}
	r = r.Clone(r.Context())
	r.URL.Host, r.Host = t.base.Host, ""
	return t.client.Do(r)
}

func managedCredential(t *testing.T, e *emulator.Emulator, node string, id azidentity.ManagedIDKind) azcore.TokenCredential {
	t.Helper()
	base, err := url.Parse(e.Endpoints().IMDS[node])
	if err != nil {
		t.Fatal(err)
	}
	c, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
		ID: id, ClientOptions: azcore.ClientOptions{Transport: toLoopback{base, e.HTTPClient()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// managed is a node with identities of this test's own: the SDK caches their tokens for the whole process.
func managed(client string, system bool) string {
	return fmt.Sprintf(`
tenants: [{id: %[1]s}]
identities: [{name: mine, clientId: %[2]s}]
nodes: [{name: node-%[2]s, systemAssigned: %[3]v, identities: [mine]}]
vaults:
- name: shop-policies
  policies: [{principal: mine, secrets: [get]}]
  objects: [{kind: secret, name: secret1, versions: [{value: demo-secret-one}]}]
`, tenant, client, system)
}

func TestTheSDKReadsWithAManagedIdentity(t *testing.T) {
	t.Parallel()
	const byClient, byResource, alone = "33333333-0001-4000-8000-333333333333", "33333333-0002-4000-8000-333333333333", "33333333-0003-4000-8000-333333333333"
	for name, test := range map[string]struct {
		client string
		system bool
		id     func(*emulator.Emulator) azidentity.ManagedIDKind
	}{
		"by client id": {byClient, true, func(*emulator.Emulator) azidentity.ManagedIDKind { return azidentity.ClientID(byClient) }},
		"by resource id": {byResource, true, func(e *emulator.Emulator) azidentity.ManagedIDKind {
			p, _ := e.Directory().Find(byResource)
			return azidentity.ResourceID(p.ResourceID)
		}},
		"the only one": {alone, false, func(*emulator.Emulator) azidentity.ManagedIDKind { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, document(t, managed(test.client, test.system)))
			credential := managedCredential(t, e, "node-"+test.client, test.id(e))
			wantSecret(t, secretsOf(t, e.VaultURL("shop-policies"), credential, options(e)))
			if got := e.Counts()["imds-token"]; got != 1 {
				t.Errorf("%d IMDS requests", got)
			}
		})
	}
}

func TestTheSDKIsToldWhenTheIdentityIsNotTheNodes(t *testing.T) {
	t.Parallel()
	const mine, other = "33333333-0004-4000-8000-333333333333", "33333333-0005-4000-8000-333333333333"
	e := start(t, document(t, managed(mine, false)))
	credential := managedCredential(t, e, "node-"+mine, azidentity.ClientID(other))
	client := secretsOf(t, e.VaultURL("shop-policies"), credential, options(e))
	if _, err := client.GetSecret(t.Context(), "secret1", "", nil); err == nil || !strings.Contains(err.Error(), "isn't assigned to this resource") {
		t.Errorf("got %v", err)
	}
}

func TestTheSDKIsRefusedWithTheRightCodes(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, `
tenants: [{id: `+tenant+`}]
applications: [{name: shop, clientId: `+servicePrincipal+`, secrets: [{name: x, value: `+clientSecret+`}]}]
vaults:
- {name: no-policy}
- {name: no-role, authorization: rbac}
- {name: shut-off, firewall: deny, policies: [{principal: shop, secrets: [all]}]}
`))
	o := options(e)
	credential := secretCredential(t, o)
	for vault, inner := range map[string]string{"no-policy": "AccessDenied", "no-role": "ForbiddenByRbac", "shut-off": "ForbiddenByFirewall"} {
		_, err := secretsOf(t, e.VaultURL(vault), credential, o).GetSecret(t.Context(), "secret1", "", nil)
		var refusal *azcore.ResponseError
		if !errors.As(err, &refusal) || refusal.StatusCode != 403 || refusal.ErrorCode != "Forbidden" || !strings.Contains(err.Error(), inner) {
			t.Errorf("%s: %v", vault, err)
		}
	}
}
