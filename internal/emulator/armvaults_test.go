package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/faults"
)

const (
	armSubscription = "/subscriptions/00000000-0000-0000-0000-000000000000"
	armVaults       = armGroup + "Microsoft.KeyVault/vaults/"
)

// estate is an owner of everything, somebody with nothing, and what clients find there at the start.
const estate = `
tenants: [{id: ` + tenant + `}]
applications:
- {name: owner, clientId: ` + servicePrincipal + `, secrets: [{name: x, value: ` + clientSecret + `}]}
- {name: reader, secrets: [{name: x, value: ` + clientSecret + `}]}
identities: [{name: kubelet}]
subscriptions: [{id: 00000000-0000-0000-0000-000000000000, name: Shops, resourceGroups: [empty]}]
clusters: [{name: shop, kubeletIdentity: kubelet, resourceGroup: shops}]
vaults:
- {name: declared, resourceGroup: shops, authorization: rbac, roleAssignments: [{principal: reader, role: Key Vault Secrets User, scope: secrets/secret1}],
   objects: [{kind: secret, name: secret1, versions: [{value: planted}]}, {kind: secret, name: other, versions: [{value: planted}]}]}
resourceRoles:
- {principal: owner, role: Owner, scope: ` + armSubscription + `}
- {principal: reader, role: Reader, scope: declared}
`

// manage asks the resource manager as the owner.
func manage(t *testing.T, e *emulator.Emulator, method, id, body string) (int, map[string]any) {
	t.Helper()
	token := tokenFor(t, e, servicePrincipal, "https://management.core.windows.net/", entra.Grant{})
	status, _, text := fetch(t, e.HTTPClient(), request(method, e.Endpoints().ResourceManager+id+"?api-version=2022-04-01", body, "Authorization", "Bearer "+token))
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); len(text) > 0 && err != nil {
		t.Fatalf("%s %s: %v in %s", method, id, err, text)
	}
	return status, answer
}

// vaultSays is the status of a request for a secret of a vault.
func vaultSays(t *testing.T, e *emulator.Emulator, who, vault, method, name, body string) int {
	t.Helper()
	token := tokenFor(t, e, who, e.Endpoints().VaultResource, entra.Grant{})
	status, _, _ := fetch(t, e.HTTPClient(), request(method, e.VaultURL(vault)+"/secrets/"+name+"?api-version=7.4", body, "Authorization", "Bearer "+token))
	return status
}

func TestAVaultMadeByTheResourceManagerServesAtOnce(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, estate))
	reader, _ := e.Directory().Find("reader")
	owner, _ := e.Directory().Find("owner")
	policies := func(reads string) string {
		policy := func(id, words string) string {
			return `{"tenantId":"` + tenant + `","objectId":"` + id + `","permissions":{"secrets":[` + words + `]}}`
		}
		return `"accessPolicies":[` + policy(owner.ObjectID, `"all"`) + `,` + policy(reader.ObjectID, reads) + `]`
	}
	status, made := manage(t, e, "PUT", armVaults+"made-kv", `{"location":"local","properties":{"tenantId":"`+tenant+`","sku":{"family":"A","name":"standard"},`+policies(`"get"`)+`}}`)
	if uri := made["properties"].(map[string]any)["vaultUri"]; status != 201 || uri != e.VaultURL("made-kv")+"/" {
		t.Fatalf("%d %v", status, made)
	}
	if got := vaultSays(t, e, "owner", "made-kv", "PUT", "secret1", `{"value":"made up"}`); got != 200 {
		t.Errorf("written: %d", got)
	}
	if got := vaultSays(t, e, "reader", "made-kv", "GET", "secret1", ""); got != 200 {
		t.Errorf("read: %d", got)
	}
	manage(t, e, "PATCH", armVaults+"made-kv", `{"properties":{`+policies(`"list"`)+`}}`)
	if got := vaultSays(t, e, "reader", "made-kv", "GET", "secret1", ""); got != 403 {
		t.Errorf("read without the permission: %d", got)
	}
	if status, answer := manage(t, e, "DELETE", armVaults+"made-kv", ""); status != 200 {
		t.Errorf("%d %v", status, answer)
	}
	if _, err := e.HTTPClient().Get(e.VaultURL("made-kv")); err == nil {
		t.Error("a deleted vault has a name")
	}
	manage(t, e, "PUT", armVaults+"made-kv", `{"location":"local","properties":{"createMode":"recover","tenantId":"`+tenant+`","sku":{"family":"A","name":"standard"}}}`)
	if got := vaultSays(t, e, "owner", "made-kv", "GET", "secret1", ""); got != 200 {
		t.Errorf("had back: %d", got)
	}
	if got := e.Counts(); got["vault-put"] != 2 || got["vault-patch"] != 1 || got["vault-delete"] != 1 {
		t.Errorf("counts %v", got)
	}
}

func TestDeclaredRolesAreTheResourceManagersToo(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, estate))
	vault := armSubscription + "/resourceGroups/shops/providers/Microsoft.KeyVault/vaults/declared"
	reads := func(name string) int { return vaultSays(t, e, "reader", "declared", "GET", name, "") }
	if reads("secret1") != 200 || reads("other") != 403 {
		t.Errorf("%d and %d", reads("secret1"), reads("other"))
	}
	_, answer := manage(t, e, "GET", vault+"/secrets/secret1/providers/Microsoft.Authorization/roleAssignments", "")
	deleted := 0
	for _, one := range answer["value"].([]any) {
		if id, _ := one.(map[string]any)["id"].(string); strings.HasPrefix(id, vault+"/secrets/secret1/") {
			manage(t, e, "DELETE", id, "")
			deleted++
		}
	}
	if deleted != 1 || reads("secret1") != 403 {
		t.Errorf("%d taken back, and then %d", deleted, reads("secret1"))
	}
	reader, _ := e.Directory().Find("reader")
	status, answer := manage(t, e, "PUT", vault+"/providers/Microsoft.Authorization/roleAssignments/"+fleetIdentity,
		`{"properties":{"principalId":"`+reader.ObjectID+`","roleDefinitionId":"`+armSubscription+`/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"}}`)
	if status != 201 || reads("other") != 200 {
		t.Errorf("%d %v, and then %d", status, answer, reads("other"))
	}
	if status, answer := manage(t, e, "GET", armSubscription, ""); status != 200 || answer["displayName"] != "Shops" {
		t.Errorf("%d %v", status, answer)
	}
	kubelet, _ := e.Directory().Find("kubelet")
	_, cluster := manage(t, e, "GET", armSubscription+"/resourceGroups/shops/providers/Microsoft.ContainerService/managedClusters/shop", "")
	if text, err := json.Marshal(cluster); err != nil || !strings.Contains(string(text), kubelet.ClientID) || !strings.Contains(string(text), e.Endpoints().Issuer) {
		t.Errorf("%v", cluster)
	}
}

// An identity made and trusted through the resource manager gets tokens from the authority, after the time the document
// says, and none once it is deleted.
func TestAFederatedCredentialIsEntrasAfterItsTime(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, estate+"resourceManager: {federatedPropagation: 5m}\n"))
	id := armIdentities + "workload"
	_, made := manage(t, e, "PUT", id, `{"location":"local"}`)
	client, _ := made["properties"].(map[string]any)["clientId"].(string)
	status, answer := manage(t, e, "PUT", id+"/federatedIdentityCredentials/cluster", `{"properties":{"issuer":"`+e.Endpoints().Issuer+
		`","subject":"system:serviceaccount:shop:web","audiences":["api://AzureADTokenExchange"]}}`)
	if status != 201 {
		t.Fatalf("%d %v", status, answer)
	}
	ask := func() (int, string) {
		token, _, err := e.ServiceAccountToken("shop", "web", "api://AzureADTokenExchange", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return askToken(t, e, e.Endpoints().Authority, tenant, form("client_id", client, "grant_type", "client_credentials", "scope", e.Endpoints().VaultResource+"/.default",
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", token))
	}
	if status, body := ask(); status != 400 || !strings.Contains(body, "AADSTS70021") {
		t.Errorf("at once: %d %s", status, body)
	}
	if err := e.SetFaults([]emulator.Fault{{Service: faults.Entra, ClockSkew: 6 * time.Minute}}); err != nil {
		t.Fatal(err)
	}
	if status, body := ask(); status != 200 {
		t.Errorf("later: %d %s", status, body)
	}
	if err := e.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	if status, answer := manage(t, e, "DELETE", id, ""); status != 200 {
		t.Errorf("%d %v", status, answer)
	}
	if status, body := ask(); status != 400 || !strings.Contains(body, "AADSTS700016") {
		t.Errorf("deleted: %d %s", status, body)
	}
}
