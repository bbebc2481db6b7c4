package state

import (
	"time"

	"strongroom/internal/emulator/arm"
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

// ResourceManager is how long things take there; zero is at once.
type ResourceManager struct {
	UpdateTime  time.Duration `yaml:"updateTime"`  // how long an update of a machine runs
	Propagation time.Duration `yaml:"propagation"` // how much later the metadata endpoint follows
}

// ResourceRole gives a principal (as for a Policy) a built-in role, by name or id, at a scope and beneath it. Scope is an
// ARM id that begins with /subscriptions/, or the name of an identity, node or scale set of this document.
type ResourceRole struct {
	Principal string `yaml:"principal"`
	Role      string `yaml:"role"`
	Scope     string `yaml:"scope"`
}
