// Package state is the emulator's declarative file: who exists, which vaults there are, who may read them, what a node
// has, and what is to go wrong. It turns YAML into a Document and tells every problem with its path before anything is
// started. It decides nothing about behaviour, and opens no file but those the document names, through the fs.FS it is
// given.
//
// Ids may be given or left out: those left out are derived from names, so the same file always makes the same
// ids, and a manifest can be written once.
package state

import (
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/keyvault"
)

// Document is the whole file. Everything but Tenants may be empty.
type Document struct {
	Tenants      []entra.Tenant      `yaml:"tenants"`
	Applications []entra.Application `yaml:"applications"`
	// Identities are the user-assigned ones; a system-assigned one belongs to its node.
	Identities []entra.Identity `yaml:"identities"`
	Nodes      []Node           `yaml:"nodes"`
	// ScaleSets are what nodes may belong to; one without nodes is fine.
	ScaleSets []ScaleSet `yaml:"scaleSets"`
	// ResourceManager is how the resource manager behaves, ResourceRoles who may do what there; without any, nobody may.
	ResourceManager ResourceManager `yaml:"resourceManager"`
	ResourceRoles   []ResourceRole  `yaml:"resourceRoles"`
	// Subscriptions are told only to name them, or to have empty groups in them: a resource brings its own along.
	Subscriptions []Subscription `yaml:"subscriptions"`
	// Clusters are managed ones, to be read by the resource manager's clients; there is nothing behind them.
	Clusters []Cluster `yaml:"clusters"`
	Vaults   []Vault   `yaml:"vaults"`
	// DirectoryRoles are who may do what in Microsoft Graph; without any, nobody may.
	DirectoryRoles []DirectoryRole `yaml:"directoryRoles"`
	// PodBindings are what the stand-in for pod identity's node daemon knows.
	PodBindings []PodBinding `yaml:"podBindings"`
	// IdentityBindings are what the token proxy knows.
	IdentityBindings []IdentityBinding `yaml:"identityBindings"`
	// Issuers are other clusters' token issuers, answered from memory: the emulator itself calls nobody.
	Issuers []Issuer `yaml:"issuers"`
	// Resources are further audiences tokens may be asked for.
	Resources []string       `yaml:"resources"`
	Faults    []faults.Fault `yaml:"faults"`
}

// Authorization is the model a vault decides by.
type Authorization string

// The two models. The empty Authorization is ByPolicies.
const (
	ByPolicies Authorization = "policies"
	ByRBAC     Authorization = "rbac"
)

// Vault is one vault, its permissions and what it holds at the start.
type Vault struct {
	Name            string `yaml:"name"`
	TenantID        string `yaml:"tenantId"`   // empty: the only tenant
	ResourceID      string `yaml:"resourceId"` // empty: by its Place
	Place           `yaml:",inline"`
	Authorization   Authorization     `yaml:"authorization"`
	Policies        []Policy          `yaml:"policies"`
	RoleAssignments []RoleAssignment  `yaml:"roleAssignments"`
	Firewall        Firewall          `yaml:"firewall"`
	Traits          keyvault.Traits   `yaml:",inline"`
	Objects         []keyvault.Object `yaml:"objects"`
}

// Firewall says whether a vault takes calls at all.
type Firewall string

// The firewall's two positions. The empty Firewall is Open.
const (
	Open Firewall = "open"
	Deny Firewall = "deny" // ForbiddenByFirewall for everyone
)

// Policy is an access policy. Principal is a name or any id from this file, or the object id of someone elsewhere.
type Policy struct {
	Principal    string   `yaml:"principal"`
	Secrets      []string `yaml:"secrets"`
	Keys         []string `yaml:"keys"`
	Certificates []string `yaml:"certificates"`
}

// RoleAssignment gives a principal a built-in role, by name or id, at the vault (empty scope) or at one object
// ("secrets/name").
type RoleAssignment struct {
	Principal string `yaml:"principal"`
	Role      string `yaml:"role"`
	Scope     string `yaml:"scope"`
}

// PodBinding lets a pod, or with "*" every pod of the namespace, use an identity.
type PodBinding struct {
	Namespace string `yaml:"namespace"`
	Pod       string `yaml:"pod"`
	Identity  string `yaml:"identity"`
}

// IdentityBinding lets service accounts use a managed identity through the token proxy; "*" is any.
type IdentityBinding struct {
	Identity       string `yaml:"identity"`
	Namespace      string `yaml:"namespace"`
	ServiceAccount string `yaml:"serviceAccount"`
}

// Issuer is another cluster's token issuer with its published keys, inline or in a file beside the document.
type Issuer struct {
	URL      string `yaml:"url"`
	JWKS     string `yaml:"jwks"`
	JWKSFile string `yaml:"jwksFile"`
}
