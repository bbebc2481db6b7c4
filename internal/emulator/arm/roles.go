package arm

import (
	"path"
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// Role is a built-in role, known by its definition id. The zero Role allows nothing.
type Role struct {
	ID      string
	Name    string
	actions []string // of the control plane; at most one "*" each, for any text within or across segments
}

// assign is what it takes to give somebody's identity to a machine, beside the right to change the machine.
const assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"

// roles are those people use for machines and identities. Two of them do less than their names say, which is a trap
// worth keeping: changing a machine is not assigning an identity, and neither is managing the identity itself.
func roles() []Role {
	return []Role{
		{"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", []string{"*"}},
		{"b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", []string{"*"}}, // less than Owner only in what is not played here
		{"acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", []string{"*/read"}},
		{"9980e02c-c2be-4d73-94e8-173b1dc7cf3c", "Virtual Machine Contributor", []string{
			"Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/virtualMachineScaleSets/*"}},
		{"f1a07417-d97a-45cb-824c-7a7467783830", "Managed Identity Operator", []string{
			"Microsoft.ManagedIdentity/userAssignedIdentities/read", assign}},
		{"e40ec5ca-96e0-45a2-b4ff-59039f2c2b59", "Managed Identity Contributor", []string{
			"Microsoft.ManagedIdentity/userAssignedIdentities/read", "Microsoft.ManagedIdentity/userAssignedIdentities/write",
			"Microsoft.ManagedIdentity/userAssignedIdentities/delete"}},
	}
}

// FindRole takes a role's name, its definition id, or the ARM id that ends with it, in any case. Invalid when it is not
// one of those that concern machines and identities.
func FindRole(ref string) (Role, error) {
	id := path.Base(ref)
	known := roles()
	i := slices.IndexFunc(known, func(r Role) bool { return strings.EqualFold(r.Name, ref) || strings.EqualFold(r.ID, id) })
	if i >= 0 {
		return known[i], nil
	}
	names := make([]string, len(known))
	for i, r := range known {
		names[i] = r.Name
	}
	return Role{}, fault.New(fault.Invalid, "role "+ref, "is not a role for machines and identities").
		Mend("use one of: %s", strings.Join(names, ", "))
}

func (r Role) allows(action string) bool {
	return slices.ContainsFunc(r.actions, func(pattern string) bool {
		before, after, star := strings.Cut(strings.ToLower(pattern), "*")
		action := strings.ToLower(action)
		if !star {
			return action == before
		}
		return len(action) >= len(before)+len(after) && strings.HasPrefix(action, before) && strings.HasSuffix(action, after)
	})
}

// Assignment gives a principal a role at a scope and everything beneath it: a subscription, a group, a machine or an
// identity, by ARM id.
type Assignment struct {
	ObjectID string
	Role     Role
	Scope    string
}

func (a Assignment) allows(objectID, action, resource string) bool {
	return strings.EqualFold(a.ObjectID, objectID) && covers(a.Scope, resource) && a.Role.allows(action)
}

// covers compares whole segments, so that a group is not taken for another whose name begins like it.
func covers(scope, resource string) bool {
	scope = strings.ToLower(strings.TrimRight(scope, "/"))
	rest, beneath := strings.CutPrefix(strings.ToLower(resource), scope)
	return beneath && (rest == "" || rest[0] == '/')
}
