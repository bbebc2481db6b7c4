package compute

import (
	"slices"
	"strings"

	"strongroom/internal/emulator/arm/groups"
	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// Kind is the type of a resource beneath Microsoft.Compute, spelled as in its id.
type Kind string

// The kinds of resource that have identities here.
const (
	VirtualMachine Kind = "virtualMachines"
	ScaleSet       Kind = "virtualMachineScaleSets"
)

// UpgradeMode says whether the instances of a scale set follow its model by themselves.
type UpgradeMode string

// The modes. The empty UpgradeMode is Automatic; Rolling has no batches here and is as good as Automatic.
const (
	Automatic UpgradeMode = "Automatic"
	Rolling   UpgradeMode = "Rolling"
	Manual    UpgradeMode = "Manual" // only when told by manualupgrade
)

// Resource is a machine or scale set as it is at the start.
type Resource struct {
	Kind         Kind
	Subscription string // empty: groups.DefaultSubscription
	Group        string // empty: groups.DefaultGroup
	Name         string
	TenantID     string      // of a system-assigned identity enabled later; empty: the directory's only tenant
	Upgrade      UpgradeMode // scale sets only
	// Nodes are the names of the machines that answer for it: one, or the instances of a scale set in order.
	Nodes   []string
	Holding Holding
}

// ID is the resource's ARM id.
func (r Resource) ID() string {
	return wire.ID(r.Subscription, r.Group, r.kind(), r.Name)
}

// kind is the type with its namespace.
func (r Resource) kind() string { return Namespace + "/" + string(r.Kind) }

func (r Resource) filled() Resource {
	if r.Subscription == "" {
		r.Subscription = groups.DefaultSubscription
	}
	if r.Group == "" {
		r.Group = groups.DefaultGroup
	}
	if r.Upgrade == "" {
		r.Upgrade = Automatic
	}
	return r
}

// Holding is which identities a machine has. The zero value is none. It is never changed in place.
type Holding struct {
	System *entra.Principal // nil: not enabled
	User   []entra.Principal
}

// word is the holding's identity type.
func (h Holding) word() string {
	switch {
	case h.System != nil && len(h.User) > 0:
		return "SystemAssigned, UserAssigned"
	case h.System != nil:
		return "SystemAssigned"
	case len(h.User) > 0:
		return "UserAssigned"
	}
	return "None"
}

// has reports whether the user-assigned identity with that resource id is among them.
func (h Holding) has(id string) bool {
	return slices.ContainsFunc(h.User, func(p entra.Principal) bool { return sameID(p, id) })
}

func sameID(p entra.Principal, id string) bool {
	return id != "" && strings.EqualFold(p.ResourceID, id)
}
