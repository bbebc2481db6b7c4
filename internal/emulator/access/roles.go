package access

import (
	"path"
	"slices"
	"strings"

	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/fault"
)

// Role is a built-in role of Key Vault, known by its definition id. The zero Role allows nothing.
type Role struct {
	ID   string
	Name string
	// actions are data actions beneath Microsoft.KeyVault/vaults/, "*" for any text within or across segments.
	actions []string
}

// roles is Azure's list of built-in Key Vault roles with what each may do in the data plane. Two of them have no data
// action at all, which is a trap worth keeping.
func roles() []Role {
	return []Role{
		{"00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator", []string{"*"}},
		{"21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader", []string{"*/read", "secrets/readMetadata/action"}},
		{"b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer", []string{"secrets/*"}},
		{"4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User", []string{"secrets/getSecret/action", "secrets/readMetadata/action"}},
		{"a4417e6f-fecd-4de8-b567-7b0420556985", "Key Vault Certificates Officer", []string{"certificates/*", "certificatecas/*", "certificatecontacts/write"}},
		{"db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", "Key Vault Certificate User", []string{"certificates/read", "keys/read", "secrets/getSecret/action", "secrets/readMetadata/action"}},
		{"14b46e9e-c2b7-41b4-b07b-48a6ebf60603", "Key Vault Crypto Officer", []string{"keys/*", "keyrotationpolicies/*"}},
		{"12338af0-0e69-4776-bea7-57ae8d297424", "Key Vault Crypto User", []string{
			"keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action", "keys/decrypt/action",
			"keys/wrap/action", "keys/unwrap/action", "keys/sign/action", "keys/verify/action"}},
		{"e147488a-f6f5-4113-8e2d-b22465e65bf6", "Key Vault Crypto Service Encryption User", []string{"keys/read", "keys/wrap/action", "keys/unwrap/action"}},
		{"a68e7c17-0ab2-4c09-9a58-125dae29748c", "Key Vault Purge Operator", nil},
		{"8b54135c-b56d-4d72-a534-26097cfdc8d8", "Key Vault Data Access Administrator", nil},
	}
}

// FindRole takes a role's name, its definition id, or the ARM id that ends with it, in any case.
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
	return Role{}, fault.New(fault.Invalid, "role "+ref, "is not a built-in Key Vault role").
		Mend("use one of: %s", strings.Join(names, ", "))
}

func (r Role) allows(action string) bool {
	return slices.ContainsFunc(r.actions, func(pattern string) bool { return matches(pattern, action) })
}

// matches compares without case, as Azure does; a pattern has at most one star.
func matches(pattern, action string) bool {
	pattern, action = strings.ToLower(pattern), strings.ToLower(action)
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == action
	}
	return len(action) >= len(before)+len(after) && strings.HasPrefix(action, before) && strings.HasSuffix(action, after)
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
