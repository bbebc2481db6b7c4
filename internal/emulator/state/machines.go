package state

import (
	"time"

	"strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/arm/limits"
)

// Node is a machine with a metadata endpoint of its own: to the resource manager a virtual machine, or an instance of a
// scale set.
type Node struct {
	Name     string `yaml:"name"`
	TenantID string `yaml:"tenantId"` // of its system-assigned identity; empty: the only tenant
	Place    `yaml:",inline"`
	// ScaleSet makes it the next instance of one of ScaleSets, by name: then everything else is said there.
	ScaleSet string `yaml:"scaleSet"`
	Assigned `yaml:",inline"`
}

// ScaleSet is machines with one model. Its instances have the identities of the model, and Mode says whether they follow
// when it changes.
type ScaleSet struct {
	Name     string `yaml:"name"`
	TenantID string `yaml:"tenantId"` // as for a Node
	Place    `yaml:",inline"`
	Assigned `yaml:",inline"`
	// UpgradePolicy is Automatic (the zero value), Rolling or Manual.
	UpgradePolicy arm.UpgradeMode `yaml:"upgradePolicy"`
}

// Place is where in Azure's order a machine is. The zero value is the group "emulator" of the subscription that is
// all zeroes.
type Place struct {
	Subscription  string `yaml:"subscription"` // a GUID
	ResourceGroup string `yaml:"resourceGroup"`
}

// Assigned is the identities of a machine at the start.
type Assigned struct {
	// SystemAssigned gives it an identity of its own, named like the machine or scale set.
	SystemAssigned bool `yaml:"systemAssigned"`
	// Identities are user-assigned ones, by name or any id.
	Identities []string `yaml:"identities"`
}

// ResourceManager is how long things take there, zero being at once, and how much may be asked of it.
type ResourceManager struct {
	UpdateTime           time.Duration `yaml:"updateTime"`           // how long an update of a machine runs
	Propagation          time.Duration `yaml:"propagation"`          // how much later the metadata endpoint follows
	RolePropagation      time.Duration `yaml:"rolePropagation"`      // until a role that a client assigned counts
	FederatedPropagation time.Duration `yaml:"federatedPropagation"` // until a federated credential that a client made counts
	// FederatedWrite is how long the write of a federated credential keeps its identity busy: another one is a conflict.
	FederatedWrite time.Duration `yaml:"federatedWrite"`
	// Limits are how much a principal may ask of a subscription; zero is without end.
	Limits limits.Limits `yaml:"limits"`
}

// Subscription is one by its id, with groups that are there though nothing is in them.
type Subscription struct {
	ID             string   `yaml:"id"`
	Name           string   `yaml:"name"`
	TenantID       string   `yaml:"tenantId"` // empty: that of whoever asks
	ResourceGroups []string `yaml:"resourceGroups"`
}

// Cluster is a managed cluster. Its identities are names or any ids, as of a Policy; one that a client makes later is named
// by its resource id.
type Cluster struct {
	Name              string `yaml:"name"`
	Place             `yaml:",inline"`
	NodeResourceGroup string `yaml:"nodeResourceGroup"` // empty: MC_{group}_{name}_local
	KubernetesVersion string `yaml:"kubernetesVersion"`
	Identity          string `yaml:"identity"`         // of the control plane
	KubeletIdentity   string `yaml:"kubeletIdentity"`  // of its machines
	AddonIdentity     string `yaml:"addonIdentity"`    // of the add-on for secrets; empty: it is off
	ServicePrincipal  string `yaml:"servicePrincipal"` // an application, for a cluster without identity
	Issuer            string `yaml:"issuer"`           // empty: the emulator's own
	WorkloadIdentity  bool   `yaml:"workloadIdentity"`
	PodIdentity       bool   `yaml:"podIdentity"`
}

// ResourceRole gives a principal (as for a Policy) a built-in role, by name or id, at a scope and beneath it. Scope is an
// ARM id that begins with /subscriptions/, or the name of an identity, node, scale set or vault of this document.
type ResourceRole struct {
	Principal string `yaml:"principal"`
	Role      string `yaml:"role"`
	Scope     string `yaml:"scope"`
}
