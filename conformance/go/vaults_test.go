package conformance

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/containerservice/armcontainerservice/v6"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/keyvault/armkeyvault"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

func vaults(t *testing.T) *armkeyvault.VaultsClient {
	t.Helper()
	return must(armkeyvault.NewVaultsClient(subscription, as(t, owner), armOptions(t)))(t)
}

func makeVault(t *testing.T, name string, rbac bool, policies ...*armkeyvault.AccessPolicyEntry) armkeyvault.Vault {
	t.Helper()
	return done(vaults(t).BeginCreateOrUpdate(t.Context(), group, name, armkeyvault.VaultCreateOrUpdateParameters{
		Location: to.Ptr(region), Properties: &armkeyvault.VaultProperties{
			TenantID: to.Ptr(tenant), SKU: &armkeyvault.SKU{Family: to.Ptr(armkeyvault.SKUFamilyA), Name: to.Ptr(armkeyvault.SKUNameStandard)},
			AccessPolicies: policies, EnableRbacAuthorization: to.Ptr(rbac)}}, nil))(t).Vault
}

func allow(principal string, words ...armkeyvault.SecretPermissions) *armkeyvault.AccessPolicyEntry {
	entry := &armkeyvault.AccessPolicyEntry{TenantID: to.Ptr(tenant), ObjectID: to.Ptr(principal), Permissions: &armkeyvault.Permissions{}}
	for _, word := range words {
		entry.Permissions.Secrets = append(entry.Permissions.Secrets, to.Ptr(word))
	}
	return entry
}

func secrets(t *testing.T, who string, v armkeyvault.Vault) *azsecrets.Client {
	t.Helper()
	return must(azsecrets.NewClient(*v.Properties.VaultURI, as(t, who), &azsecrets.ClientOptions{ClientOptions: options(t)}))(t)
}

func TestAVaultIsUsableAtOnceAndItsPoliciesCount(t *testing.T) {
	client, me, other := vaults(t), objectOf(t, owner), objectOf(t, reader)
	made := makeVault(t, "made-by-client", false, allow(me, armkeyvault.SecretPermissionsGet, armkeyvault.SecretPermissionsSet))
	must(secrets(t, owner, made).SetSecret(t.Context(), "one", azsecrets.SetSecretParameters{Value: to.Ptr("made up")}, nil))(t)
	read := func() error {
		_, err := secrets(t, reader, made).GetSecret(t.Context(), "one", "", nil)
		return err
	}
	refused(t, read(), 403, "Forbidden")
	must(client.UpdateAccessPolicy(t.Context(), group, "made-by-client", armkeyvault.AccessPolicyUpdateKindAdd, armkeyvault.VaultAccessPolicyParameters{
		Properties: &armkeyvault.VaultAccessPolicyProperties{AccessPolicies: []*armkeyvault.AccessPolicyEntry{allow(other, armkeyvault.SecretPermissionsGet)}}}, nil))(t)
	if err := read(); err != nil {
		t.Errorf("added: %v", err)
	}
	must(client.Update(t.Context(), group, "made-by-client", armkeyvault.VaultPatchParameters{Properties: &armkeyvault.VaultPatchProperties{
		AccessPolicies: []*armkeyvault.AccessPolicyEntry{allow(me, armkeyvault.SecretPermissionsGet)}}}, nil))(t)
	refused(t, read(), 403, "Forbidden")
	if got := must(client.Get(t.Context(), group, "made-by-client", nil))(t); len(got.Properties.AccessPolicies) != 1 {
		t.Errorf("%d policies", len(got.Properties.AccessPolicies))
	}
	found := false
	for _, one := range all(t, client.NewListPager(nil))[0].Value {
		found = found || *one.Name == "made-by-client"
	}
	if !found || len(all(t, client.NewListBySubscriptionPager(nil))[0].Value) == 0 || len(all(t, client.NewListByResourceGroupPager(group, nil))[0].Value) == 0 {
		t.Error("it is not in every list")
	}
}

func TestADeletedVaultCanBeHadBackOrPurged(t *testing.T) {
	client := vaults(t)
	made := makeVault(t, "comes-and-goes", false, allow(objectOf(t, owner), armkeyvault.SecretPermissionsAll))
	must(secrets(t, owner, made).SetSecret(t.Context(), "one", azsecrets.SetSecretParameters{Value: to.Ptr("made up")}, nil))(t)
	must(client.Delete(t.Context(), group, "comes-and-goes", nil))(t)
	if _, err := secrets(t, owner, made).GetSecret(t.Context(), "one", "", nil); err == nil {
		t.Error("a deleted vault answered")
	}
	if got := must(client.GetDeleted(t.Context(), "comes-and-goes", region, nil))(t); *got.Properties.VaultID != *made.ID {
		t.Errorf("got %+v", got.Properties)
	}
	name := armkeyvault.VaultCheckNameAvailabilityParameters{Name: to.Ptr("comes-and-goes"), Type: to.Ptr("Microsoft.KeyVault/vaults")}
	if got := must(client.CheckNameAvailability(t.Context(), name, nil))(t); *got.NameAvailable {
		t.Error("the name of a deleted vault is free")
	}
	done(client.BeginCreateOrUpdate(t.Context(), group, "comes-and-goes", armkeyvault.VaultCreateOrUpdateParameters{Location: to.Ptr(region),
		Properties: &armkeyvault.VaultProperties{TenantID: to.Ptr(tenant), CreateMode: to.Ptr(armkeyvault.CreateModeRecover),
			SKU: &armkeyvault.SKU{Family: to.Ptr(armkeyvault.SKUFamilyA), Name: to.Ptr(armkeyvault.SKUNameStandard)}}}, nil))(t)
	if _, err := secrets(t, owner, made).GetSecret(t.Context(), "one", "", nil); err != nil {
		t.Errorf("had back: %v", err)
	}
	must(client.Delete(t.Context(), group, "comes-and-goes", nil))(t)
	done(client.BeginPurgeDeleted(t.Context(), "comes-and-goes", region, nil))(t)
	if got := must(client.CheckNameAvailability(t.Context(), name, nil))(t); !*got.NameAvailable || len(all(t, client.NewListDeletedPager(nil))[0].Value) != 0 {
		t.Error("it is still about")
	}
}

func TestARoleAtAVault(t *testing.T) {
	made := makeVault(t, "goes-by-roles", true)
	assignRole(t, inGroup, "Key Vault Secrets Officer", objectOf(t, owner))
	must(secrets(t, owner, made).SetSecret(t.Context(), "one", azsecrets.SetSecretParameters{Value: to.Ptr("made up")}, nil))(t)
	_, err := secrets(t, reader, made).GetSecret(t.Context(), "one", "", nil)
	refused(t, err, 403, "Forbidden")
	given := assignRole(t, *made.ID+"/secrets/one", "Key Vault Secrets User", objectOf(t, reader))
	if _, err := secrets(t, reader, made).GetSecret(t.Context(), "one", "", nil); err != nil {
		t.Errorf("assigned: %v", err)
	}
	client := must(armauthorization.NewRoleAssignmentsClient(subscription, as(t, owner), armOptions(t)))(t)
	filter := to.Ptr("principalId eq '" + objectOf(t, reader) + "'")
	if got := all(t, client.NewListForScopePager(*made.ID, &armauthorization.RoleAssignmentsClientListForScopeOptions{Filter: filter}))[0].Value; len(got) != 1 {
		t.Errorf("%d assignments", len(got))
	}
	parameters := armauthorization.RoleAssignmentCreateParameters{Properties: &armauthorization.RoleAssignmentProperties{
		RoleDefinitionID: given.Properties.RoleDefinitionID, PrincipalID: given.Properties.PrincipalID}}
	_, err = client.Create(t.Context(), *given.Properties.Scope, newGUID(), parameters, nil)
	refused(t, err, 409, "RoleAssignmentExists")
	parameters.Properties.PrincipalID = to.Ptr(newGUID())
	_, err = client.Create(t.Context(), *made.ID, newGUID(), parameters, nil)
	refused(t, err, 400, "PrincipalNotFound")
	must(client.DeleteByID(t.Context(), *given.ID, nil))(t)
	_, err = secrets(t, reader, made).GetSecret(t.Context(), "one", "", nil)
	refused(t, err, 403, "Forbidden")
	stranger := must(armauthorization.NewRoleAssignmentsClient(subscription, as(t, controller), armOptions(t)))(t)
	_, err = stranger.Create(t.Context(), *made.ID, newGUID(), parameters, nil)
	refused(t, err, 403, "AuthorizationFailed")
}

func TestGroupsProvidersAndClusters(t *testing.T) {
	groups := must(armresources.NewResourceGroupsClient(subscription, as(t, owner), armOptions(t)))(t)
	if got := must(groups.CheckExistence(t.Context(), "shops", nil))(t); got.Success {
		t.Error("a group nobody made is there")
	}
	must(groups.CreateOrUpdate(t.Context(), "shops", armresources.ResourceGroup{Location: to.Ptr(region)}, nil))(t)
	if got := must(groups.CheckExistence(t.Context(), "SHOPS", nil))(t); !got.Success || len(all(t, groups.NewListPager(nil))[0].Value) < 2 {
		t.Error("the group is not there")
	}
	providers := must(armresources.NewProvidersClient(subscription, as(t, owner), armOptions(t)))(t)
	if got := must(providers.Get(t.Context(), "Microsoft.KeyVault", nil))(t); *got.RegistrationState != "Registered" || len(got.ResourceTypes) == 0 {
		t.Errorf("got %+v", got)
	}
	clusters := must(armcontainerservice.NewManagedClustersClient(subscription, as(t, owner), armOptions(t)))(t)
	got := must(clusters.Get(t.Context(), group, "shop", nil))(t).Properties
	kubelet, addon := got.IdentityProfile["kubeletidentity"], got.AddonProfiles["azureKeyvaultSecretsProvider"].Identity
	if *kubelet.ResourceID == "" || *addon.ClientID == "" || *kubelet.ClientID == *addon.ClientID || !strings.HasPrefix(*got.OidcIssuerProfile.IssuerURL, "https://") ||
		*got.NodeResourceGroup != "MC_emulator_shop_local" || *got.ServicePrincipalProfile.ClientID != "msi" {
		t.Errorf("got %+v", got)
	}
	if len(all(t, clusters.NewListPager(nil))[0].Value) != 1 || len(all(t, clusters.NewListByResourceGroupPager(group, nil))[0].Value) != 1 {
		t.Error("the cluster is in no list")
	}
}

// objectOf is the object id of an application, which nobody but the directory tells: its own token names it.
func objectOf(t *testing.T, client string) string {
	t.Helper()
	token := must(as(t, client).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.core.windows.net//.default"}}))(t)
	payload := must(base64.RawURLEncoding.DecodeString(strings.Split(token.Token, ".")[1]))(t)
	var claims struct{ OID string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.OID
}

func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
