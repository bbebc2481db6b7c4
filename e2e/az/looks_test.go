package az

import (
	"net/http"
	"strings"
	"testing"
)

// visit is one walk through the page: what the looks need.
type visit struct {
	w *world
	s *shell
	p place
}

// node is the token that a machine's metadata service gives for the identity of a variable.
func (v *visit) node(t *testing.T, node, variable, resource string) string {
	t.Helper()
	return good(t, v.w.imds(t, node, v.s.variable(t, variable), resource))
}

// same fails where a variable is not what it should be.
func (v *visit) same(t *testing.T, variable, want string) {
	t.Helper()
	if got := v.s.variable(t, variable); !strings.EqualFold(got, want) {
		t.Errorf("%s is %q, want %q", variable, got, want)
	}
}

// looks tells by heading how one sees whether the commands beneath it did what the page says.
var looks = map[string]func(*testing.T, *visit){
	"Log in": func(t *testing.T, v *visit) {
		v.same(t, "TENANT_ID", tenant)
		if got := v.s.must(t, "az account show --query '[id, user.name]' --output tsv"); strings.Join(strings.Fields(got), " ") != subscription+" "+operatorID {
			t.Errorf("logged in as %s", got)
		}
		token := strings.TrimSpace(v.s.must(t, "az account get-access-token --resource https://vault.azure.net --query accessToken --output tsv"))
		if len(strings.Split(token, ".")) != 3 {
			t.Error("az gives no token for vaults")
		}
	},
	"Names": func(t *testing.T, v *visit) {
		v.same(t, "NODE_RESOURCE_GROUP", v.p.nodeGroup)
		v.same(t, "VAULT_ID", v.p.vaultID(v.p.rolesVault))
	},
	"A user-assigned identity": func(t *testing.T, v *visit) {
		v.same(t, "IDENTITY_ID", v.p.id(v.p.group, "Microsoft.ManagedIdentity/userAssignedIdentities", "shop-front"))
		if got := v.w.imds(t, v.p.machine, v.s.variable(t, "CLIENT_ID"), vaultResource); got.status != http.StatusBadRequest {
			t.Errorf("a machine has it that nobody gave it to: %d %s", got.status, got.text)
		}
	},
	"Give it to the machines": func(t *testing.T, v *visit) {
		for _, node := range []string{v.p.instance, v.p.machine} {
			token := v.node(t, node, "CLIENT_ID", vaultResource)
			if objectID(t, token) != v.s.variable(t, "OBJECT_ID") {
				t.Errorf("the token on %s is somebody else's", node)
			}
			if may := v.w.reads(t, token, v.p.rolesVault); may != "" {
				t.Errorf("it may read before anybody let it: %s", may)
			}
		}
	},
	"The machines' own identity": func(t *testing.T, v *visit) {
		v.s.must(t, `az vmss update-instances --resource-group "$NODE_RESOURCE_GROUP" --name "$SCALE_SET_NAME" --instance-ids '*'`)
		for node, variable := range map[string]string{v.p.instance: "SCALE_SET_OBJECT_ID", v.p.machine: "MACHINE_OBJECT_ID"} {
			v.same(t, variable, objectID(t, good(t, v.w.imds(t, node, "", vaultResource))))
			v.node(t, node, "CLIENT_ID", vaultResource) // what it had before is still there
		}
	},
	"Identities that AKS made": func(t *testing.T, v *visit) {
		for _, variable := range []string{"KUBELET_CLIENT_ID", "ADDON_CLIENT_ID"} {
			v.node(t, v.p.instance, variable, vaultResource)
		}
	},
	"An application": func(t *testing.T, v *visit) {
		token := good(t, v.w.token(t, v.s.variable(t, "APPLICATION_CLIENT_ID"), v.s.variable(t, "CLIENT_SECRET"), vaultResource))
		v.same(t, "APPLICATION_OBJECT_ID", objectID(t, token))
		if n := strings.TrimSpace(v.s.must(t, `az ad app credential list --id "$APPLICATION_CLIENT_ID" --query 'length(@)'`)); n != "2" {
			t.Errorf("it has %s secrets", n)
		}
		if v.s.variable(t, "WORKLOAD_CLIENT_ID") == v.s.variable(t, "WORKLOAD_OBJECT_ID") {
			t.Error("client id and object id are the same")
		}
	},
	"Let it read: roles": func(t *testing.T, v *visit) {
		if may := v.w.reads(t, v.node(t, v.p.machine, "CLIENT_ID", vaultResource), v.p.rolesVault); may != "secret key certificate list" {
			t.Errorf("it may read: %s", may)
		}
	},
	"Let it read: access policies": func(t *testing.T, v *visit) {
		if may := v.w.reads(t, v.node(t, v.p.machine, "CLIENT_ID", vaultResource), v.p.policiesVault); may != "secret key certificate" {
			t.Errorf("it may read: %s", may)
		}
		token := good(t, v.w.token(t, v.s.variable(t, "APPLICATION_CLIENT_ID"), v.s.variable(t, "CLIENT_SECRET"), vaultResource))
		if may := v.w.reads(t, token, v.p.policiesVault); may != "secret key certificate list" {
			t.Errorf("the application may read: %s", may)
		}
	},
	"Trust a service account":   trusted,
	"Let the cluster assign it": operated,
	"Take it back":              gone,
}

// trusted: the service account is now both, and no other account is either; and one object is all that the application may read.
func trusted(t *testing.T, v *visit) {
	for _, variable := range []string{"CLIENT_ID", "WORKLOAD_CLIENT_ID"} {
		clientID := v.s.variable(t, variable)
		good(t, v.w.exchange(t, clientID, "shop:web"))
		if got := v.w.exchange(t, clientID, "shop:other"); !strings.Contains(got.text, "AADSTS700213") {
			t.Errorf("%s, another account: %d %s", variable, got.status, got.text)
		}
	}
	if may := v.w.reads(t, good(t, v.w.exchange(t, v.s.variable(t, "WORKLOAD_CLIENT_ID"), "shop:web")), v.p.rolesVault); may != "secret" {
		t.Errorf("the application may read: %s", may)
	}
}

// operated: the cluster's identity may now change machines, and assign this identity and no other.
func operated(t *testing.T, v *visit) {
	token := v.node(t, v.p.instance, "CLUSTER_CLIENT_ID", armResource)
	patch := func(identity string) reply {
		return v.w.with(t, token, http.MethodPatch, armResource+v.p.machineID()+"?api-version=2024-07-01",
			`{"identity":{"type":"SystemAssigned, UserAssigned","userAssignedIdentities":{"`+identity+`":{}}}}`)
	}
	if got := patch(v.s.variable(t, "IDENTITY_ID")); got.status != http.StatusOK {
		t.Errorf("it cannot assign the identity: %d %s", got.status, got.text)
	}
	other := v.p.id(v.p.nodeGroup, "Microsoft.ManagedIdentity/userAssignedIdentities", v.p.addon())
	if got := patch(other); !strings.Contains(got.text, "LinkedAuthorizationFailed") {
		t.Errorf("it can assign another: %d %s", got.status, got.text)
	}
}

// gone: nothing that was given is left.
func gone(t *testing.T, v *visit) {
	clientID := v.s.variable(t, "CLIENT_ID")
	for _, node := range []string{v.p.instance, v.p.machine} {
		if got := v.w.imds(t, node, clientID, vaultResource); got.status != http.StatusBadRequest {
			t.Errorf("%s still has the identity: %d", node, got.status)
		}
	}
	for _, variable := range []string{"CLIENT_ID", "WORKLOAD_CLIENT_ID", "APPLICATION_CLIENT_ID"} {
		if got := v.w.exchange(t, v.s.variable(t, variable), "shop:web"); !strings.Contains(got.text, "AADSTS700016") {
			t.Errorf("%s: %d %s", variable, got.status, got.text)
		}
	}
	if _, _, err := v.s.run(`az identity show --resource-group "$RESOURCE_GROUP" --name "$IDENTITY_NAME"`); err == nil {
		t.Error("the identity is still there")
	}
}
