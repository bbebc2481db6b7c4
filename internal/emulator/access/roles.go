package access

import (
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/emulator/roles"
)

// FindRole finds a built-in Key Vault role by name or id.
func FindRole(ref string) (roles.Role, error) {
	return roles.Find(roles.Vaults(), ref, "is not a built-in Key Vault role")
}

// dataAction is the RBAC name of an action, beneath Microsoft.KeyVault/vaults/. Reading and listing are one action for
// keys and certificates and two for secrets, where only one of them shows values.
func dataAction(area keyvault.Area, action keyvault.Action) string {
	switch {
	case area == keyvault.Secrets && action == keyvault.Get:
		return "secrets/getSecret/action"
	case area == keyvault.Secrets && action == keyvault.List:
		return "secrets/readMetadata/action"
	case area == keyvault.Secrets && action == keyvault.Set:
		return "secrets/setSecret/action"
	}
	switch action {
	case keyvault.Get, keyvault.List:
		return string(area) + "/read"
	case keyvault.Delete:
		return string(area) + "/delete"
	case keyvault.WrapKey:
		return "keys/wrap/action"
	case keyvault.UnwrapKey:
		return "keys/unwrap/action"
	case keyvault.GetRotationPolicy:
		return "keyrotationpolicies/read"
	case keyvault.SetRotationPolicy:
		return "keyrotationpolicies/write"
	case keyvault.ManageContacts:
		return "certificatecontacts/write"
	case keyvault.GetIssuers, keyvault.ListIssuers:
		return "certificatecas/read"
	case keyvault.SetIssuers:
		return "certificatecas/write"
	case keyvault.DeleteIssuers:
		return "certificatecas/delete"
	}
	return string(area) + "/" + string(action) + "/action"
}
