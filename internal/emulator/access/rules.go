// Package access decides who may do what in the emulator's vaults, by the two models Azure has: access policies (a list
// of permissions per principal) and role assignments at the vault or at a single object. It also checks that a bearer
// token is one for the vault at all. The decisions are pure; only the Guard holds state, and it fails closed: a vault
// without rules lets nobody in.
package access

import (
	"slices"
	"strings"

	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/emulator/roles"
)

// Rules are one vault's. The zero value is an access-policy vault with no policy: nobody may do anything.
type Rules struct {
	// TenantID is whose tokens count.
	TenantID string
	// RBAC takes Assignments in place of Policies, which are then ignored, as in Azure.
	RBAC        bool
	Policies    []Policy
	Assignments []Assignment
	// Firewall refuses every caller, whatever it may do otherwise: all clients of an emulator come from loopback, so
	// there is no address to tell apart.
	Firewall bool
	// ResourceID is the vault's ARM id, which RBAC refusals name.
	ResourceID string
}

// Policy is one access policy: what one principal may do in each area, in the spelling of Key Vault's permissions
// ("get", "list"); "all" is every permission of the area.
type Policy struct {
	ObjectID     string
	Secrets      []string
	Keys         []string
	Certificates []string
}

// Assignment is a role of a principal. Scope is empty for the whole vault or "secrets/name" (keys, certificates) for
// one object.
type Assignment struct {
	ObjectID string
	Role     roles.Role
	Scope    string
}

// question is what Authorize has to answer.
type question struct {
	objectID string
	area     keyvault.Area
	action   keyvault.Action
	object   string // empty for lists
}

// byPolicy reports whether one of the principal's policies grants the action. Several policies add up.
func byPolicy(policies []Policy, q question) bool {
	for _, p := range policies {
		if !strings.EqualFold(p.ObjectID, q.objectID) {
			continue
		}
		granted := map[keyvault.Area][]string{
			keyvault.Secrets: p.Secrets, keyvault.Keys: p.Keys, keyvault.Certificates: p.Certificates,
		}[q.area]
		for _, permission := range granted {
			if strings.EqualFold(permission, "all") || strings.EqualFold(permission, string(q.action)) {
				return true
			}
		}
	}
	return false
}

// byRole reports whether one of the principal's roles, at the vault or at this very object, includes the data action.
func byRole(assignments []Assignment, q question) bool {
	action := dataAction(q.area, q.action)
	return slices.ContainsFunc(assignments, func(a Assignment) bool {
		return strings.EqualFold(a.ObjectID, q.objectID) && a.covers(q) && a.Role.Allows(action)
	})
}

func (a Assignment) covers(q question) bool {
	return a.Scope == "" || (q.object != "" && strings.EqualFold(a.Scope, string(q.area)+"/"+q.object))
}
