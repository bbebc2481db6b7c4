// Package access decides who may do what in the emulator's vaults, by the two models Azure has: access policies (a list
// of permissions per principal) and roles, which the resource manager assigns at the vault, above it, or at a single object. It also checks that a bearer
// token is one for the vault at all. The decisions are pure; only the Guard holds state, and it fails closed: a vault
// without rules lets nobody in.
package access

import (
	"strings"

	"strongroom/internal/emulator/keyvault"
)

// Rules are one vault's. The zero value is an access-policy vault with no policy: nobody may do anything.
type Rules struct {
	// TenantID is whose tokens count.
	TenantID string
	// RBAC goes by the roles of the resource manager in place of Policies, which are then ignored, as in Azure.
	RBAC     bool
	Policies []Policy
	// Firewall refuses every caller, whatever it may do otherwise: all clients of an emulator come from loopback, so
	// there is no address to tell apart.
	Firewall bool
	// ResourceID is the vault's ARM id, where roles are asked for and which RBAC refusals name.
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
