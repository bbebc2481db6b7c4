package arm

import (
	"strings"

	"strongroom/internal/fault"
)

// Kind is the type of a resource beneath Microsoft.Compute, spelled as in its id.
type Kind string

// The kinds of resource that hold identities.
const (
	VirtualMachine Kind = "virtualMachines"
	ScaleSet       Kind = "virtualMachineScaleSets"
)

// Resource is a machine that identities are put on. Two Resources of ParseProviderID are equal when they are one machine;
// others are to be compared by Key. The zero value is no machine.
type Resource struct {
	Subscription, Group, Name string
	Kind                      Kind
}

// ID is the resource's ARM id.
func (r Resource) ID() string {
	return r.group() + "/providers/Microsoft.Compute/" + string(r.Kind) + "/" + r.Name
}

// Key is the id in lower case: equal for two spellings of one machine, for maps and storage.
func (r Resource) Key() string { return strings.ToLower(r.ID()) }

func (r Resource) String() string {
	if r.Kind == ScaleSet {
		return "scale set " + r.Name
	}
	return "virtual machine " + r.Name
}

// group is the id of the resource group.
func (r Resource) group() string {
	return "/subscriptions/" + r.Subscription + "/resourceGroups/" + r.Group
}

// ParseProviderID finds the machine that identities of a node are put on. A node of a scale set in uniform mode is
// azure:///subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachineScaleSets/N/virtualMachines/0, and
// its identities are the scale set's; any other, flexible scale sets among them, is
// azure:///subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/N. Case does not matter; the
// result is in lower case. Anything else is Unsupported when it is another provider's, and Invalid otherwise.
func ParseProviderID(id string) (Resource, error) {
	rest, ok := cutPrefixFold(id, "azure://")
	if !ok {
		return Resource{}, fault.New(fault.Unsupported, "provider id "+fault.Shorten(id), "the node is no machine in Azure").
			Mend("pod identity works on Azure's machines only: kubectl get nodes -o custom-columns=NAME:.metadata.name,PROVIDER:.spec.providerID")
	}
	s := strings.Split(strings.ToLower(rest), "/")
	r, ok := readMachine(s)
	if !ok {
		return Resource{}, fault.New(fault.Invalid, "provider id "+fault.Shorten(id), "is not that of a virtual machine or of one in a scale set")
	}
	return r, nil
}

// readMachine reads the segments of an id that begins with a slash.
func readMachine(s []string) (Resource, bool) {
	if len(s) != 9 && len(s) != 11 || s[0] != "" || s[1] != "subscriptions" || s[3] != "resourcegroups" || s[5] != "providers" || s[6] != "microsoft.compute" {
		return Resource{}, false
	}
	r := Resource{Subscription: s[2], Group: s[4], Name: s[8]}
	switch {
	case len(s) == 9 && s[7] == strings.ToLower(string(VirtualMachine)):
		r.Kind = VirtualMachine
	case len(s) == 11 && s[7] == strings.ToLower(string(ScaleSet)) && s[9] == strings.ToLower(string(VirtualMachine)) && isName(s[10]):
		r.Kind = ScaleSet
	}
	return r, r.valid()
}

// valid reports whether the parts can stand in an address each as one segment.
func (r Resource) valid() bool {
	return (r.Kind == VirtualMachine || r.Kind == ScaleSet) && isName(r.Subscription) && isName(r.Group) && isName(r.Name)
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
