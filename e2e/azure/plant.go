package azure

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// Identity is a principal as a class names it. Secret is an application's; a managed identity has none.
type Identity struct {
	Name       string `json:"-"`
	TenantID   string `json:"tenantId"`
	ClientID   string `json:"clientId"`
	ObjectID   string `json:"objectId"`
	ResourceID string `json:"resourceId"`
	Secret     string `json:"-"`
}

// Unique makes a name that no other test has, at most 24 characters with what it begins with.
func Unique(beginning string) string {
	return beginning + "-" + strings.ToLower(rand.Text()[:10])
}

// Add puts a piece of an emulator document there: applications, identities, vaults and bindings of new names. It gives
// the new principals by name.
func (e *Emulator) Add(t testing.TB, piece string) map[string]Identity {
	t.Helper()
	answer, err := e.call(t.Context(), http.MethodPost, e.control("additions"), "", piece)
	if err != nil {
		t.Fatal(err)
	}
	var ids map[string]Identity
	if err := json.Unmarshal(answer, &ids); err != nil {
		t.Fatal(err)
	}
	for name, id := range ids {
		id.Name = name
		ids[name] = id
	}
	added, err := vaultsOf(piece)
	if err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.Copy(e.vaults, added)
	return ids
}

// Federated spells the federated credentials that let service accounts of this cluster, each "namespace/name", speak as
// somebody: a value for federatedCredentials in a piece for Add.
func (e *Emulator) Federated(accounts ...string) string {
	var list []string
	for i, account := range accounts {
		namespace, name, _ := strings.Cut(account, "/")
		list = append(list, fmt.Sprintf("{name: e2e-%d, issuer: %q, subject: %q}", i, e.config.Issuer, "system:serviceaccount:"+namespace+":"+name))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// ResourceID is where an identity of that name belongs, so that the operator may assign it.
func ResourceID(name string) string {
	return group + "Microsoft.ManagedIdentity/userAssignedIdentities/" + name
}

// Managed makes a user-assigned identity that service accounts, each "namespace/name", may speak as.
func (e *Emulator) Managed(t testing.TB, accounts ...string) Identity {
	t.Helper()
	name := Unique("id")
	return e.Add(t, fmt.Sprintf("identities: [{name: %s, resourceId: %s, federatedCredentials: %s}]", name, ResourceID(name), e.Federated(accounts...)))[name]
}

// Application makes an app registration with a client secret, that service accounts may speak as, too.
func (e *Emulator) Application(t testing.TB, accounts ...string) Identity {
	t.Helper()
	name, secret := Unique("app"), rand.Text()
	app := e.Add(t, fmt.Sprintf("applications: [{name: %s, secrets: [{name: e2e, value: %s}], federatedCredentials: %s}]",
		name, secret, e.Federated(accounts...)))[name]
	app.Secret = secret
	return app
}

// NodeIdentity is the system-assigned identity of the node's scale set; of its ids only the name is known.
func (e *Emulator) NodeIdentity() Identity { return Identity{Name: scaleSet, TenantID: Tenant} }

// Vault is a key vault of a test's own.
type Vault struct {
	Name string
	e    *Emulator
}

// URL is the vault's address without a trailing slash.
func (v Vault) URL() string { return "https://" + v.Name + ".vault.azure.net" }

// Vault makes an empty vault that the given principals may read everything in.
func (e *Emulator) Vault(t testing.TB, readers ...Identity) Vault {
	t.Helper()
	return e.VaultOf(t, "", readers...)
}

// VaultOf makes a vault with objects, spelled as in an emulator document: "- {kind: key, name: key1}".
func (e *Emulator) VaultOf(t testing.TB, objects string, readers ...Identity) Vault {
	t.Helper()
	v := Vault{Unique("kv"), e}
	var piece strings.Builder
	fmt.Fprintf(&piece, "vaults:\n- name: %s\n  policies:\n  - {principal: %s, secrets: [all], keys: [all], certificates: [all]}\n", v.Name, operator)
	for _, r := range readers {
		fmt.Fprintf(&piece, "  - {principal: %s, secrets: [get, list], keys: [get, list], certificates: [get, list]}\n", r.Name)
	}
	if objects != "" {
		piece.WriteString("  objects:\n")
		for line := range strings.Lines(strings.TrimSpace(objects)) {
			piece.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
		}
	}
	e.Add(t, piece.String())
	return v
}

// Set gives a secret a new value, and tells its version.
func (v Vault) Set(t testing.TB, name, value string) string {
	t.Helper()
	return v.SetWith(t, name, map[string]any{"value": value})
}

// SetWith is Set with everything else a new version may have: contentType, attributes, tags.
func (v Vault) SetWith(t testing.TB, name string, body map[string]any) string {
	t.Helper()
	var set struct{ ID string }
	if err := json.Unmarshal(v.call(t, http.MethodPut, "/secrets/"+name, body), &set); err != nil {
		t.Fatal(err)
	}
	return set.ID[strings.LastIndex(set.ID, "/")+1:]
}

// Delete deletes a secret; it can be recovered.
func (v Vault) Delete(t testing.TB, name string) {
	t.Helper()
	v.call(t, http.MethodDelete, "/secrets/"+name, nil)
}

func (v Vault) call(t testing.TB, method, path string, body any) []byte {
	t.Helper()
	return v.e.operate(t, method, "https://vault.azure.net", v.URL()+path+"?api-version=7.4", body)
}

// Get reads a secret with somebody's access token.
func (v Vault) Get(t testing.TB, name, accessToken string) (string, error) {
	t.Helper()
	answer, err := v.e.call(t.Context(), http.MethodGet, v.URL()+"/secrets/"+name+"?api-version=7.4", accessToken, nil)
	if err != nil {
		return "", err
	}
	var got struct{ Value string }
	err = json.Unmarshal(answer, &got)
	return got.Value, err
}
