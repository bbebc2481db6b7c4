package azure_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/policy"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/azure"
	"strongroom/internal/secret"
)

func TestEveryIdentityModeMountsAtTheLeastCost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mutate   func(*node, *provider.Request)
		identity string
		token    string // kind of the one token call
	}{
		"workload identity of an application": {func(n *node, r *provider.Request) {
			r.Attributes["clientID"] = app
			n.present(r, "web", "api://AzureADTokenExchange", time.Hour)
		}, "workload-identity (client id " + app, "token"},
		"workload identity of a managed identity": {func(n *node, r *provider.Request) {
			r.Attributes["clientID"] = managed
			n.present(r, "web", "api://AzureADTokenExchange", time.Hour)
		}, "workload-identity (client id " + managed, "token"},
		"user-assigned": {func(_ *node, r *provider.Request) {
			r.Attributes["useVMManagedIdentity"], r.Attributes["userAssignedIdentityID"] = "true", managed
		}, "managed-identity (client id " + managed, "imds-token"},
		"system-assigned": {func(_ *node, r *provider.Request) { r.Attributes["useVMManagedIdentity"] = "true" },
			"managed-identity (system-assigned)", "imds-token"},
		"pod identity": {func(_ *node, r *provider.Request) { r.Attributes["usePodIdentity"] = "true" },
			"pod-identity (client id " + managed, "nmi-token"},
		"identity binding": {func(n *node, r *provider.Request) {
			r.Attributes["useAzureTokenProxy"], r.Attributes["clientID"] = "true", managed
			n.present(r, "web", "api://AKSIdentityBinding", time.Hour)
		}, "identity-binding (client id " + managed, "proxy-token"},
		"service principal": {func(_ *node, r *provider.Request) {
			r.Secrets = map[string]secret.Value{"clientid": secret.NewValue([]byte(app)), "clientsecret": secret.NewValue([]byte("right " + planted))}
		}, "service-principal (client id " + app, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			req := n.request("secret/a", "secret/b")
			test.mutate(n, &req)
			var response provider.Response
			calls := n.calls(func() { response = n.must(req) })
			if content(response, "a") != planted+"-a" || content(response, "b") != planted+"-b" {
				t.Errorf("files: %v", response.Files)
			}
			if !strings.HasPrefix(response.Report.Identity, test.identity) || response.Report.Why == "" {
				t.Errorf("identity %q because %q", response.Report.Identity, response.Report.Why)
			}
			if diff := cmp.Diff(map[string]int{test.token: 1, "secret-get": 2}, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if want := (provider.Calls{Token: 1, Vault: 2}); response.Report.Calls != want {
				t.Errorf("reported calls: %+v", response.Report.Calls)
			}
		})
	}
}

func TestAServicePrincipalMayShowACertificate(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	bundle := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)

	n := newNode(t)
	req := n.request("secret/a")
	req.Secrets = map[string]secret.Value{"clientid": secret.NewValue([]byte(app)), "clientcertificate": secret.NewValue(bundle)}
	if _, err := n.Mount(t.Context(), req); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "AADSTS700027") {
		t.Errorf("a certificate nobody registered: %v", err)
	}
	if err := n.azure.Directory().AddCertificate("app", entra.ClientCertificate{Name: "one", Certificate: certificate}); err != nil {
		t.Fatal(err)
	}
	if got := content(n.must(req), "a"); got != planted+"-a" {
		t.Errorf("got %q", got)
	}
}

// With nothing but a proxy and a CA, as behind a company's firewall, everything goes by Azure's public names, and by
// the proxy alone: it is the emulator's, which refuses every name that is not Azure's.
func TestThePublicCloudThroughAProxy(t *testing.T) {
	t.Parallel()
	public, err := cloud.Named(cloud.Public)
	if err != nil {
		t.Fatal(err)
	}
	n := newNodeBy(t, func(em *emulator.Emulator) (transport.Config, cloud.Cloud) {
		return transport.Config{CA: em.CA(), CAOnly: true, HTTPSProxy: em.Endpoints().Proxy}, public
	})
	response := n.must(n.workload("web", "secret/a"))
	if content(response, "a") != planted+"-a" || response.Report.Vault != "https://policies-kv.vault.azure.net" {
		t.Errorf("report: %+v", response.Report)
	}
	for _, r := range n.azure.Requests() {
		if r.Service == "keyvault" && r.Host != "policies-kv.vault.azure.net" || r.Service == "entra" && r.Host != "login.microsoftonline.com" {
			t.Errorf("%s by the name %s", r.Service, r.Host)
		}
	}
}

func TestWorkloadIdentityNeverTriesIMDS(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(_ *azure.Config, c *token.Config) { c.IMDS, c.NMI = "http://127.0.0.1:1", "http://127.0.0.1:1" })
	n.faults(emulator.Fault{Service: "entra", Status: 400})
	if _, err := n.Mount(t.Context(), n.workload("web", "secret/a")); err == nil {
		t.Fatal("mounted without a token")
	}
	if calls := n.azure.Counts(); calls["imds-token"] != 0 {
		t.Errorf("calls: %v", calls)
	}
}

func TestFilesKeepTheOrderNamesAndModesOfTheClass(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	response := n.must(n.workload("web",
		`secret/a objectAlias: deep/er/name, filePermission: "0400"`, "key/k", "cert/tls objectAlias: leaf.pem", "secret/tls objectAlias: bundle.pem"))
	var got []string
	for _, f := range response.Files {
		got = append(got, f.Path)
	}
	if diff := cmp.Diff([]string{"deep/er/name", "k", "leaf.pem", "bundle.pem"}, got); diff != "" {
		t.Error(diff)
	}
	if response.Files[0].Mode != 0o400 || response.Files[1].Mode != 0o644 {
		t.Errorf("modes: %v %v", response.Files[0].Mode, response.Files[1].Mode)
	}
	if key := content(response, "k"); !strings.HasPrefix(key, "-----BEGIN PUBLIC KEY-----") {
		t.Errorf("key: %.30s", key)
	}
	bundle := content(response, "bundle.pem")
	if strings.Count(bundle, "BEGIN CERTIFICATE") != 3 || !strings.HasPrefix(bundle, "-----BEGIN PRIVATE KEY-----") {
		t.Errorf("bundle has %d certificates and begins %.30q", strings.Count(bundle, "BEGIN CERTIFICATE"), bundle)
	}
	leaf := strings.TrimSpace(content(response, "leaf.pem"))
	if at := strings.Index(bundle, "-----BEGIN CERTIFICATE"); !strings.HasPrefix(bundle[at:], leaf) {
		t.Error("the chain does not begin with the leaf")
	}
	ids := map[string]bool{}
	for _, v := range response.Versions {
		ids[v.ID] = v.Version != ""
	}
	if diff := cmp.Diff(map[string]bool{"secret/a": true, "key/k": true, "cert/tls": true, "secret/tls": true}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestVersionHistoryGivesTheNewestEnabledVersions(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	response := n.must(n.workload("web", "secret/many objectVersionHistory: 2"))
	if len(response.Files) != 2 || content(response, "many/0") != "four" || content(response, "many/1") != "two" {
		t.Errorf("files: %d, %s, %s", len(response.Files), content(response, "many/0"), content(response, "many/1"))
	}
}

func TestOptionalObjectsMayBeMissingAndSayso(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	response := n.must(n.workload("web", "secret/a", `secret/absent optional: "true"`))
	if len(response.Files) != 1 || len(response.Versions) != 2 {
		t.Errorf("files %v versions %v", response.Files, response.Versions)
	}
	if o := response.Report.Objects[1]; o.State != provider.Missing || o.Kind != "not-found" {
		t.Errorf("outcome: %+v", o)
	}
	n.faults(emulator.Fault{Service: "keyvault", Path: "absent", Status: 503})
	if _, err := n.Mount(t.Context(), n.workload("web", "secret/a", `secret/absent optional: "true"`)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an object that could not be asked for was taken for missing: %v", err)
	}
}

func TestOneLineNamesEveryFailureAndWhatMendsIt(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	req := n.workload("web", "secret/a", "secret/absent", "secret/off", "secret/b objectVersion: ffffffffffffffffffffffffffffffff")
	_, err := n.Mount(t.Context(), req)
	line := fault.Explain(err)
	for _, want := range []string{
		"failed to get objectType:secret, objectName:absent, objectVersion:", "HTTP 404 SecretNotFound", "request id",
		"objectName:off", "HTTP 403 Forbidden/SecretDisabled", "objectName:b", "workload-identity (client id " + app, "to mend: ",
		"az keyvault secret recover --vault-name policies-kv --name absent", "az keyvault secret set-attributes --vault-name policies-kv --name off",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %s", want, line)
		}
	}
	if strings.ContainsAny(line, "\r\n") || strings.Contains(line, planted) || strings.Contains(line, "objectName:a,") {
		t.Errorf("line: %s", line)
	}
}

func TestRefusalsCarryTheCommandThatGrants(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ vault, object, want string }{
		"roles":              {"roles-kv", "secret/b", "az role assignment create --role 'Key Vault Secrets User' --assignee-object-id "},
		"policy for a key":   {"policies-kv", "key/k objectVersionHistory: 2", "--key-permissions get list"},
		"object-level grant": {"roles-kv", "secret/a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			req := n.workload("web", test.object)
			req.Attributes["keyvaultName"] = test.vault
			_, err := n.Mount(t.Context(), req)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if line := fault.Explain(err); fault.KindOf(err) != fault.Denied || !strings.Contains(line, test.want) {
				t.Errorf("%q is not in %s", test.want, line)
			}
		})
	}
}

func TestThePolicyOfTheOperatorComesBeforeAnyCall(t *testing.T) {
	t.Parallel()
	rules, err := policy.Parse([]byte("rules: [{namespaces: [shop], vaults: [roles-kv]}]"))
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(t, func(c *azure.Config, _ *token.Config) { c.Policy = rules })
	calls := n.calls(func() {
		if _, err := n.Mount(t.Context(), n.workload("web", "secret/a")); fault.KindOf(err) != fault.Denied {
			t.Errorf("got %v", err)
		}
	})
	if len(calls) != 0 {
		t.Errorf("calls: %v", calls)
	}
}

func TestWrongParametersAreAllToldBeforeAnyCall(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	req := n.workload("web", "secrit/a", `secret/b filePermission: "999"`)
	req.Attributes["keyvaultName"] = "evil.example.com/x"
	var err error
	calls := n.calls(func() { _, err = n.Mount(t.Context(), req) })
	for _, want := range []string{"keyvaultName", "objectType", "filePermission"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
	if len(calls) != 0 || fault.KindOf(err) != fault.Invalid {
		t.Errorf("calls %v, kind %v", calls, fault.KindOf(err))
	}
}
