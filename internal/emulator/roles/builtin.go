package roles

// Assign is what it takes to give somebody's identity to a machine, beside the right to change the machine.
const Assign = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"

// BuiltIn is every role there is: those of everybody, then those for machines and identities, vaults and clusters.
func BuiltIn() []Role {
	return append(general(), vaults()...)
}

// general are the roles that say something of the resource manager alone. Two of them do less than their names say, which
// is a trap worth keeping: changing a machine is not assigning an identity, and neither is managing the identity itself.
// And nobody but the owner and the two administrators of access may assign a role.
func general() []Role {
	const identity = "Microsoft.ManagedIdentity/userAssignedIdentities/"
	const federated = identity + "federatedIdentityCredentials/"
	const seesGroups = "Microsoft.Resources/subscriptions/resourceGroups/read"
	const seesRoles = "Microsoft.Authorization/*/read"
	return []Role{
		{ID: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", Name: "Owner", Actions: []string{"*"}},
		{ID: "b24988ac-6180-42a0-ab88-20f7382dd24c", Name: "Contributor", Actions: []string{"*"},
			NotActions: []string{"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action"}},
		{ID: "acdd72a7-3385-48ef-bd42-f606fba81ae7", Name: "Reader", Actions: []string{"*/read"}},
		{ID: "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", Name: "User Access Administrator", Actions: []string{"*/read", "Microsoft.Authorization/*"}},
		{ID: "f58310d9-a9f6-439a-9e8d-f62e7b41a168", Name: "Role Based Access Control Administrator", Actions: []string{
			"Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", "*/read"}},
		{ID: "9980e02c-c2be-4d73-94e8-173b1dc7cf3c", Name: "Virtual Machine Contributor", Actions: []string{
			seesRoles, "Microsoft.Compute/locations/*", "Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/virtualMachineScaleSets/*", seesGroups}},
		{ID: "f1a07417-d97a-45cb-824c-7a7467783830", Name: "Managed Identity Operator", Actions: []string{
			seesRoles, identity + "read", federated + "read", Assign, seesGroups}},
		{ID: "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59", Name: "Managed Identity Contributor", Actions: []string{
			seesRoles, identity + "read", identity + "write", identity + "delete", federated + "read", federated + "write", federated + "delete", seesGroups}},
		{ID: "f25e0fa2-a7c7-4377-a976-54943a77a395", Name: "Key Vault Contributor", Actions: []string{seesRoles, "Microsoft.KeyVault/*", seesGroups},
			NotActions: []string{"Microsoft.KeyVault/locations/deletedVaults/purge/action"}},
		{ID: "ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8", Name: "Azure Kubernetes Service Contributor Role", Actions: []string{
			"Microsoft.ContainerService/managedClusters/*", seesGroups}},
		{ID: "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", Name: "Storage Blob Data Reader", Actions: []string{ // no storage is played, but it can be assigned
			"Microsoft.Storage/storageAccounts/blobServices/containers/read"}},
	}
}

// vaultActions is what the names of data actions in vaults begin with.
const vaultActions = "Microsoft.KeyVault/vaults/"

// vaults is Azure's list of Key Vault roles with what each may do in the data plane. Two of them have no data action at
// all, which is a trap worth keeping.
func vaults() []Role {
	list := []Role{
		{ID: "00482a5a-887f-4fb3-b363-3b7fe8e74483", Name: "Key Vault Administrator", DataActions: []string{"*"}},
		{ID: "21090545-7ca7-4776-b22c-e363652d74d2", Name: "Key Vault Reader", DataActions: []string{"*/read", "secrets/readMetadata/action"}},
		{ID: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", Name: "Key Vault Secrets Officer", DataActions: []string{"secrets/*"}},
		{ID: "4633458b-17de-408a-b874-0445c86b69e6", Name: "Key Vault Secrets User", DataActions: []string{"secrets/getSecret/action", "secrets/readMetadata/action"}},
		{ID: "a4417e6f-fecd-4de8-b567-7b0420556985", Name: "Key Vault Certificates Officer", DataActions: []string{"certificates/*", "certificatecas/*", "certificatecontacts/write"}},
		{ID: "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", Name: "Key Vault Certificate User", DataActions: []string{"certificates/read", "keys/read", "secrets/getSecret/action", "secrets/readMetadata/action"}},
		{ID: "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", Name: "Key Vault Crypto Officer", DataActions: []string{"keys/*", "keyrotationpolicies/*"}},
		{ID: "12338af0-0e69-4776-bea7-57ae8d297424", Name: "Key Vault Crypto User", DataActions: []string{
			"keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action", "keys/decrypt/action",
			"keys/wrap/action", "keys/unwrap/action", "keys/sign/action", "keys/verify/action"}},
		{ID: "e147488a-f6f5-4113-8e2d-b22465e65bf6", Name: "Key Vault Crypto Service Encryption User", DataActions: []string{"keys/read", "keys/wrap/action", "keys/unwrap/action"}},
		{ID: "a68e7c17-0ab2-4c09-9a58-125dae29748c", Name: "Key Vault Purge Operator", Actions: []string{
			"Microsoft.KeyVault/locations/deletedVaults/read", "Microsoft.KeyVault/locations/deletedVaults/purge/action", "Microsoft.KeyVault/deletedVaults/read"}},
		{ID: "8b54135c-b56d-4d72-a534-26097cfdc8d8", Name: "Key Vault Data Access Administrator", Actions: []string{
			"Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete"}},
	}
	for i := range list {
		for j, action := range list[i].DataActions {
			list[i].DataActions[j] = vaultActions + action
		}
		if len(list[i].DataActions) > 0 {
			list[i].Actions = append(list[i].Actions, "Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/deletedVaults/read")
		}
	}
	return list
}

// Vaults are the roles that are for what a vault holds.
func Vaults() []Role { return vaults() }

// VaultAction is the full name of a data action that is given as what stands behind Microsoft.KeyVault/vaults/.
func VaultAction(short string) string { return vaultActions + short }
