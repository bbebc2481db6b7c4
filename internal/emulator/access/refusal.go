package access

import (
	"fmt"
	"strings"

	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/emulator/roles"
)

// clientAddress is what firewall refusals name; whoever talks to an emulator does so from the machine itself.
const clientAddress = "127.0.0.1"

// refuse answers one question by one vault's rules: nil when allowed, otherwise the 403 in Key Vault's own words. The
// firewall speaks first, and says nothing of permissions.
func refuse(vault, region string, rules Rules, granted Roles, c keyvault.Caller, q question) *keyvault.Refusal {
	place := fmt.Sprintf("%s;location=%s", vault, region)
	switch {
	case rules.Firewall:
		return forbidden("ForbiddenByFirewall",
			"Client address is not authorized and caller is not a trusted service.\r\nClient address: %s\r\nCaller: %s\r\nVault: %s",
			clientAddress, callerText(c), place)
	case rules.RBAC && !byRole(granted, rules.ResourceID, q):
		return forbidden("ForbiddenByRbac", rbacText,
			callerText(c), dataAction(q.area, q.action), resourceText(rules.ResourceID, q), place)
	case !rules.RBAC && !byPolicy(rules.Policies, q):
		return forbidden("AccessDenied",
			"The user, group or application '%s' does not have %s %s permission on key vault '%s'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
			callerText(c), q.area, q.action, place)
	}
	return nil
}

const rbacText = "Caller is not authorized to perform action on resource.\r\n" +
	"If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n" +
	"Caller: %s\r\nAction: 'Microsoft.KeyVault/vaults/%s'\r\nResource: '%s'\r\n" +
	"Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: %s\r\n"

func forbidden(inner, format string, args ...any) *keyvault.Refusal {
	return &keyvault.Refusal{Code: "Forbidden", Inner: inner, Message: fmt.Sprintf(format, args...)}
}

func callerText(c keyvault.Caller) string {
	return fmt.Sprintf("appid=%s;oid=%s;iss=%s", c.AppID, c.ObjectID, c.Issuer)
}

func resourceText(id string, q question) string {
	if q.object != "" {
		id += "/" + string(q.area) + "/" + q.object
	}
	return strings.ToLower(id)
}

// byRole reports whether a role of the principal, at the object, the vault or above, includes the data action.
func byRole(granted Roles, vault string, q question) bool {
	return granted != nil && granted.MayData(q.objectID, roles.VaultAction(dataAction(q.area, q.action)), resourceText(vault, q))
}
