package arm

import (
	"strings"

	"strongroom/internal/emulator/roles"
)

// assign is what it takes to give somebody's identity to a machine, beside the right to change the machine.
const assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"

// builtIn are those people use for machines and identities. Two of them do less than their names say, which is a trap
// worth keeping: changing a machine is not assigning an identity, and neither is managing the identity itself.
func builtIn() []roles.Role {
	return []roles.Role{
		{ID: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", Name: "Owner", Actions: []string{"*"}},
		{ID: "b24988ac-6180-42a0-ab88-20f7382dd24c", Name: "Contributor", Actions: []string{"*"}}, // less than Owner only in what is not played here
		{ID: "acdd72a7-3385-48ef-bd42-f606fba81ae7", Name: "Reader", Actions: []string{"*/read"}},
		{ID: "9980e02c-c2be-4d73-94e8-173b1dc7cf3c", Name: "Virtual Machine Contributor", Actions: []string{
			"Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/virtualMachineScaleSets/*"}},
		{ID: "f1a07417-d97a-45cb-824c-7a7467783830", Name: "Managed Identity Operator", Actions: []string{
			"Microsoft.ManagedIdentity/userAssignedIdentities/read", assign}},
		{ID: "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59", Name: "Managed Identity Contributor", Actions: []string{
			"Microsoft.ManagedIdentity/userAssignedIdentities/read", "Microsoft.ManagedIdentity/userAssignedIdentities/write",
			"Microsoft.ManagedIdentity/userAssignedIdentities/delete"}},
	}
}

// FindRole finds a built-in role by name or id. Invalid when it is not one of those that concern machines and identities.
func FindRole(ref string) (roles.Role, error) {
	return roles.Find(builtIn(), ref, "is not a role for machines and identities")
}

// Assignment gives a principal a role at a scope and everything beneath it: a subscription, a group, a machine or an
// identity, by ARM id.
type Assignment struct {
	ObjectID string
	Role     roles.Role
	Scope    string
}

func (a Assignment) allows(objectID, action, resource string) bool {
	return strings.EqualFold(a.ObjectID, objectID) && covers(a.Scope, resource) && a.Role.Allows(action)
}

// covers compares whole segments, so that a group is not taken for another whose name begins like it.
func covers(scope, resource string) bool {
	scope = strings.ToLower(strings.TrimRight(scope, "/"))
	rest, beneath := strings.CutPrefix(strings.ToLower(resource), scope)
	return beneath && (rest == "" || rest[0] == '/')
}
