package journal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/journal"
)

const group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/"

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		service faults.Service
		request string
		want    string
	}{
		{faults.Entra, "GET /common/discovery/instance?api-version=1.1", "discovery"},
		{faults.Entra, "GET /tenant/v2.0/.well-known/openid-configuration?", "oidc"},
		{faults.Entra, "POST /tenant/oauth2/v2.0/token?client-request-id=1", "token"},
		{faults.Entra, "POST /tenant/oauth2/token", "token"},
		{faults.Entra, "GET /tenant/discovery/v2.0/keys", "jwks"},
		{faults.Issuer, "GET /openid/v1/jwks", "issuer-jwks"},
		{faults.TokenProxy, "GET /identity-bindings/openid/v1/jwks", "issuer-jwks"},
		{faults.TokenProxy, "POST /tenant/oauth2/v2.0/token", "proxy-token"},
		{faults.KeyVault, "GET /secrets/db/", "secret-get"},
		{faults.KeyVault, "GET /secrets//db//0123", "secret-get"},
		{faults.KeyVault, "GET /secrets/db/versions", "secret-versions"},
		{faults.KeyVault, "GET /secrets", "secret-list"},
		{faults.KeyVault, "GET /secrets/versions", "secret-get"},
		{faults.KeyVault, "PUT /secrets/db", "secret-set"},
		{faults.KeyVault, "PATCH /secrets/db/0123", "secret-update"},
		{faults.KeyVault, "DELETE /secrets/db", "secret-delete"},
		{faults.KeyVault, "POST /deletedsecrets/db/recover", "deleted-secret-recover"},
		{faults.KeyVault, "GET /keys/k/0123", "key-get"},
		{faults.KeyVault, "POST /keys/k/sign", "key-sign"},
		{faults.KeyVault, "GET /certificates/c/pending", "certificate-pending"},
		{faults.KeyVault, "GET /healthstatus", "other"},
		{faults.IMDS, "GET /metadata/identity/oauth2/token", "imds-probe"},
		{faults.NMI, "GET /host/token/", "nmi-token"},
		{faults.ARM, "GET " + group + "virtualMachines/a?api-version=1", "vm-get"},
		{faults.ARM, "PATCH " + strings.ToUpper(group+"virtualMachines/a"), "vm-patch"},
		{faults.ARM, "PUT " + group + "virtualMachineScaleSets/pool", "vmss-put"},
		{faults.ARM, "POST " + group + "virtualMachineScaleSets/pool/manualupgrade", "vmss-upgrade"},
		{faults.ARM, "GET " + group + "virtualMachineScaleSets/pool/virtualMachines/0", "vmss-vm-get"},
		{faults.ARM, "GET /subscriptions/s/providers/Microsoft.Compute/locations/local/operations/1", "arm-operation"},
		{faults.Graph, "GET /v1.0/applications?$filter=x", "application-list"},
		{faults.Graph, "POST /v1.0/applications", "application-add"},
		{faults.Graph, "GET /v1.0/applications(appId='a')", "application-get"},
		{faults.Graph, "PATCH /beta/applications/a", "application-update"},
		{faults.Graph, "POST /v1.0/applications/a/federatedIdentityCredentials", "application-federated-add"},
		{faults.Graph, "DELETE /v1.0/applications(appId='a')/federatedIdentityCredentials/f", "application-federated-delete"},
		{faults.Graph, "GET /v1.0/applications/a/federatedIdentityCredentials", "application-federated-list"},
		{faults.Graph, "POST /v1.0/applications/a/addPassword", "password-add"},
		{faults.Graph, "POST /v1.0/servicePrincipals", "principal-add"},
		{faults.Graph, "DELETE /v1.0/servicePrincipals/p", "principal-delete"},
		{faults.Graph, "POST /v1.0/directoryObjects/getByIds", "object-list"},
		{faults.Graph, "GET /v1.0/organization", "organization-list"},
		{faults.Graph, "GET /v1.0/me", "other"},
		{faults.ARM, "GET " + group + "virtualMachines", "vm-list"},
		{faults.ARM, "GET " + group + "virtualMachines/a/instanceView", "vm-view"},
		{faults.ARM, "GET " + group + "virtualMachineScaleSets/pool/virtualMachines", "vmss-vm-list"},
		{faults.ARM, "PUT /subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a", "identity-put"},
		{faults.ARM, "DELETE /subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a/federatedIdentityCredentials/f", "federated-delete"},
		{faults.ARM, "PUT /subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv/providers/Microsoft.Authorization/roleAssignments/1", "role-assignment-put"},
		{faults.ARM, "GET /subscriptions/s/providers/Microsoft.Authorization/roleDefinitions", "role-definition-list"},
		{faults.ARM, "PATCH /subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv", "vault-patch"},
		{faults.ARM, "PUT /subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv/accessPolicies/add", "vault-policies"},
		{faults.ARM, "GET /subscriptions/s/providers/Microsoft.KeyVault/locations/local/deletedVaults/kv", "deleted-vault-get"},
		{faults.ARM, "POST /subscriptions/s/providers/Microsoft.KeyVault/locations/local/deletedVaults/kv/purge", "deleted-vault-purge"},
		{faults.ARM, "POST /subscriptions/s/providers/Microsoft.KeyVault/checkNameAvailability", "vault-name"},
		{faults.ARM, "GET /subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c", "cluster-get"},
		{faults.ARM, "GET /subscriptions/s/providers/Microsoft.Compute", "provider-get"},
		{faults.ARM, "GET /subscriptions/s/resources", "resource-list"},
		{faults.ARM, "HEAD /subscriptions/s/resourcegroups/g", "group-head"},
		{faults.ARM, "GET /subscriptions/s/resourceGroups", "group-list"},
		{faults.ARM, "GET /subscriptions/s", "subscription-get"},
		{faults.ARM, "GET /subscriptions", "subscription-list"},
		{faults.ARM, "GET /tenants", "tenant-list"},
		{faults.ARM, "GET /subscriptions/s/x/y", "other"},
		{faults.ARM, "BREW " + group + "virtualMachines/a", "other"},
	} {
		method, target, _ := strings.Cut(test.request, " ")
		if got := journal.Classify(test.service, httptest.NewRequest(method, target, nil), 200); got != test.want {
			t.Errorf("%s %s: got %s, want %s", test.service, test.request, got, test.want)
		}
	}
}

func TestAChallengeIsA401ToNobody(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/secrets/db", nil)
	if got := journal.Classify(faults.KeyVault, r, 401); got != "challenge" {
		t.Errorf("without a token: %s", got)
	}
	r.Header.Set("Authorization", "Bearer x")
	if got := journal.Classify(faults.KeyVault, r, 401); got != "secret-get" {
		t.Errorf("with a token: %s", got)
	}
}

func TestKeepsTheLatestAndCountsAll(t *testing.T) {
	t.Parallel()
	j := journal.New(3)
	for i := range 7 {
		j.Add(journal.Record{Kind: "token", Path: fmt.Sprint(i)})
	}
	var kept []string
	for _, r := range j.Records() {
		kept = append(kept, r.Path)
	}
	if diff := cmp.Diff([]string{"4", "5", "6"}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"token": 7}, j.Counts()); diff != "" || j.Total() != 7 {
		t.Errorf("total %d, counts (-want +got):\n%s", j.Total(), diff)
	}
	j.Reset()
	if len(j.Records()) != 0 || j.Total() != 0 || len(j.Counts()) != 0 {
		t.Error("something outlived Reset")
	}
}

func TestRecordsWhatWasAnsweredAndNothingSecret(t *testing.T) {
	t.Parallel()
	j := journal.New(10)
	fake := clock.NewFake()
	handler := j.Wrap(faults.KeyVault, "", fake, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/secrets/none":
			w.WriteHeader(404)
		case "/secrets/cut":
			panic(http.ErrAbortHandler)
		}
	}))
	for _, path := range []string{"/secrets/db?code=planted", "/secrets/none", "/secrets/cut", "/secrets/" + strings.Repeat("x", 1000)} {
		func() {
			defer func() { _ = recover() }()
			r := httptest.NewRequest("GET", "https://kv.vault.azure.localhost:8443"+path, strings.NewReader("planted"))
			r.Header.Set("Authorization", "Bearer planted")
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}()
	}
	records := j.Records()
	want := journal.Record{Time: fake.Now(), Service: faults.KeyVault, Kind: "secret-get", Method: "GET", Host: "kv.vault.azure.localhost:8443", Path: "/secrets/db", Status: 200}
	if diff := cmp.Diff(want, records[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if records[1].Status != 404 || records[2].Status != 0 || len(records[3].Path) != 256 {
		t.Errorf("got %+v", records[1:])
	}
	if strings.Contains(fmt.Sprintf("%+v", records), "planted") {
		t.Error("a value is in the log")
	}
}
