package access

import (
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/emulator/roles"
)

// builtIn is Azure's list of built-in Key Vault roles with what each may do in the data plane, as actions beneath
// Microsoft.KeyVault/vaults/. Two of them have no data action at all, which is a trap worth keeping.
func builtIn() []roles.Role {
	return []roles.Role{
		{ID: "00482a5a-887f-4fb3-b363-3b7fe8e74483", Name: "Key Vault Administrator", Actions: []string{"*"}},
		{ID: "21090545-7ca7-4776-b22c-e363652d74d2", Name: "Key Vault Reader", Actions: []string{"*/read", "secrets/readMetadata/action"}},
		{ID: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", Name: "Key Vault Secrets Officer", Actions: []string{"secrets/*"}},
		{ID: "4633458b-17de-408a-b874-0445c86b69e6", Name: "Key Vault Secrets User", Actions: []string{"secrets/getSecret/action", "secrets/readMetadata/action"}},
		{ID: "a4417e6f-fecd-4de8-b567-7b0420556985", Name: "Key Vault Certificates Officer", Actions: []string{"certificates/*", "certificatecas/*", "certificatecontacts/write"}},
		{ID: "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", Name: "Key Vault Certificate User", Actions: []string{"certificates/read", "keys/read", "secrets/getSecret/action", "secrets/readMetadata/action"}},
		{ID: "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", Name: "Key Vault Crypto Officer", Actions: []string{"keys/*", "keyrotationpolicies/*"}},
		{ID: "12338af0-0e69-4776-bea7-57ae8d297424", Name: "Key Vault Crypto User", Actions: []string{
			"keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action", "keys/decrypt/action",
			"keys/wrap/action", "keys/unwrap/action", "keys/sign/action", "keys/verify/action"}},
		{ID: "e147488a-f6f5-4113-8e2d-b22465e65bf6", Name: "Key Vault Crypto Service Encryption User", Actions: []string{"keys/read", "keys/wrap/action", "keys/unwrap/action"}},
		{ID: "a68e7c17-0ab2-4c09-9a58-125dae29748c", Name: "Key Vault Purge Operator"},
		{ID: "8b54135c-b56d-4d72-a534-26097cfdc8d8", Name: "Key Vault Data Access Administrator"},
	}
}

// FindRole finds a built-in Key Vault role by name or id.
func FindRole(ref string) (roles.Role, error) {
	return roles.Find(builtIn(), ref, "is not a built-in Key Vault role")
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
