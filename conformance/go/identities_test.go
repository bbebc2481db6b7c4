package conformance

import (
	"fmt"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v6"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/msi/armmsi"
)

func identities(t *testing.T, who string) *armmsi.UserAssignedIdentitiesClient {
	t.Helper()
	return must(armmsi.NewUserAssignedIdentitiesClient(subscription, as(t, who), armOptions(t)))(t)
}

func makeIdentity(t *testing.T, name string) armmsi.Identity {
	t.Helper()
	made := must(identities(t, owner).CreateOrUpdate(t.Context(), group, name, armmsi.Identity{Location: to.Ptr(region)}, nil))(t)
	return made.Identity
}

func TestAnIdentityFromItsMakingToItsEnd(t *testing.T) {
	client := identities(t, owner)
	made := makeIdentity(t, "short-lived")
	if *made.ID != inGroup+"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/short-lived" || *made.Properties.TenantID != tenant {
		t.Errorf("made %+v", made)
	}
	changed := must(client.Update(t.Context(), group, "SHORT-lived", armmsi.IdentityUpdate{Tags: map[string]*string{"team": to.Ptr("shop")}}, nil))(t)
	read := must(client.Get(t.Context(), group, "short-lived", nil))(t)
	if *changed.Tags["team"] != "shop" || *read.Tags["team"] != "shop" || *read.Properties.ClientID != *made.Properties.ClientID {
		t.Errorf("changed %+v, read %+v", changed, read)
	}
	if len(all(t, client.NewListByResourceGroupPager(group, nil))[0].Value) == 0 || len(all(t, client.NewListBySubscriptionPager(nil))[0].Value) == 0 {
		t.Error("it is in no list")
	}
	must(client.Delete(t.Context(), group, "short-lived", nil))(t)
	_, err := client.Get(t.Context(), group, "short-lived", nil)
	refused(t, err, 404, "ResourceNotFound")
	if again := makeIdentity(t, "short-lived"); *again.Properties.PrincipalID == *made.Properties.PrincipalID {
		t.Error("it came back as the same principal")
	}
}

func TestFederatedCredentials(t *testing.T) {
	makeIdentity(t, "federated")
	client := must(armmsi.NewFederatedIdentityCredentialsClient(subscription, as(t, owner), armOptions(t)))(t)
	put := func(name, subject string) error {
		_, err := client.CreateOrUpdate(t.Context(), group, "federated", name, armmsi.FederatedIdentityCredential{
			Properties: &armmsi.FederatedIdentityCredentialProperties{
				Issuer: to.Ptr("https://issuer.example/"), Subject: to.Ptr(subject), Audiences: []*string{to.Ptr("api://AzureADTokenExchange")}}}, nil)
		return err
	}
	for i := range 20 {
		if err := put(fmt.Sprintf("number-%d", i), fmt.Sprintf("system:serviceaccount:shop:web-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, put("number-20", "another"), 400, "BadRequest")
	refused(t, put("number-1", "system:serviceaccount:shop:web-2"), 400, "BadRequest")
	if err := put("number-1", "system:serviceaccount:shop:other"); err != nil {
		t.Error(err)
	}
	if pages := all(t, client.NewListPager(group, "federated", &armmsi.FederatedIdentityCredentialsClientListOptions{Top: to.Ptr[int32](8)})); len(pages) != 3 || len(pages[2].Value) != 4 {
		t.Errorf("%d pages", len(pages))
	}
	must(client.Delete(t.Context(), group, "federated", "number-1", nil))(t)
	_, err := client.Get(t.Context(), group, "federated", "number-1", nil)
	refused(t, err, 404, "NotFound")
	if got := must(client.Get(t.Context(), group, "federated", "number-2", nil))(t); *got.Properties.Subject != "system:serviceaccount:shop:web-2" {
		t.Errorf("got %+v", got)
	}
}

// The way of a controller that may change machines: it is refused until somebody gives it the role Managed Identity Operator.
func TestAssigningNeedsTheRoleOfAnOperator(t *testing.T) {
	made := makeIdentity(t, "assigned")
	machines := must(armcompute.NewVirtualMachinesClient(subscription, as(t, controller), armOptions(t)))(t)
	change := armcompute.VirtualMachineUpdate{Identity: &armcompute.VirtualMachineIdentity{Type: to.Ptr(armcompute.ResourceIdentityTypeUserAssigned),
		UserAssignedIdentities: map[string]*armcompute.UserAssignedIdentitiesValue{*made.ID: {}}}}
	_, err := machines.BeginUpdate(t.Context(), group, "worker", change, nil)
	refused(t, err, 403, "LinkedAuthorizationFailed")

	assignRole(t, *made.ID, "Managed Identity Operator", objectOf(t, controller))
	done(machines.BeginUpdate(t.Context(), group, "worker", change, nil))(t)
	if got := metadataSays(t, "worker", *made.Properties.ClientID); got != *made.Properties.ClientID {
		t.Errorf("assigned: %s", got)
	}
	must(identities(t, owner).Delete(t.Context(), group, "assigned", nil))(t)
	if got := metadataSays(t, "worker", *made.Properties.ClientID); got != "Identity not found" {
		t.Errorf("deleted: %s", got)
	}
	none := armcompute.VirtualMachineUpdate{Identity: &armcompute.VirtualMachineIdentity{Type: to.Ptr(armcompute.ResourceIdentityTypeNone)}}
	done(machines.BeginUpdate(t.Context(), group, "worker", none, nil))(t)
}

func TestAScaleSetAndItsInstances(t *testing.T) {
	made := makeIdentity(t, "of-the-pool")
	sets := must(armcompute.NewVirtualMachineScaleSetsClient(subscription, as(t, owner), armOptions(t)))(t)
	have := must(sets.Get(t.Context(), group, "pool", nil))(t).VirtualMachineScaleSet
	have.Identity.Type = to.Ptr(armcompute.ResourceIdentityTypeSystemAssignedUserAssigned)
	have.Identity.UserAssignedIdentities = map[string]*armcompute.UserAssignedIdentitiesValue{*made.ID: {}}
	done(sets.BeginCreateOrUpdate(t.Context(), group, "pool", have, nil))(t)
	instances := must(armcompute.NewVirtualMachineScaleSetVMsClient(subscription, as(t, owner), armOptions(t)))(t)
	if got := must(instances.Get(t.Context(), group, "pool", "1", nil))(t); *got.Properties.LatestModelApplied {
		t.Error("an instance of a manual set followed by itself")
	}
	done(sets.BeginUpdateInstances(t.Context(), group, "pool", armcompute.VirtualMachineScaleSetVMInstanceRequiredIDs{InstanceIDs: []*string{to.Ptr("*")}}, nil))(t)
	if got := metadataSays(t, "pool-1", *made.Properties.ClientID); got != *made.Properties.ClientID {
		t.Errorf("upgraded: %s", got)
	}
	if got := all(t, instances.NewListPager(group, "pool", nil)); len(got[0].Value) != 2 {
		t.Errorf("%d instances", len(got[0].Value))
	}
	if view := must(sets.GetInstanceView(t.Context(), group, "pool", nil))(t); len(view.VirtualMachine.StatusesSummary) == 0 {
		t.Error("no view")
	}
	done(sets.BeginUpdate(t.Context(), group, "pool", armcompute.VirtualMachineScaleSetUpdate{Identity: &armcompute.VirtualMachineScaleSetIdentity{
		Type:                   to.Ptr(armcompute.ResourceIdentityTypeSystemAssigned),
		UserAssignedIdentities: map[string]*armcompute.UserAssignedIdentitiesValue{*made.ID: nil}}}, nil))(t)
	system := must(armmsi.NewSystemAssignedIdentitiesClient(as(t, owner), armOptions(t)))(t)
	if own := must(system.GetByScope(t.Context(), *have.ID, nil))(t); *own.Properties.PrincipalID != *have.Identity.PrincipalID {
		t.Errorf("its own is %+v", own.Properties)
	}
	if len(all(t, sets.NewListAllPager(nil))[0].Value) != 1 || len(all(t, sets.NewListPager(group, nil))[0].Value) != 1 {
		t.Error("the set is in no list")
	}
}

// assignRole gives a principal a role by name, as its owner.
func assignRole(t *testing.T, scope, role, principal string) armauthorization.RoleAssignment {
	t.Helper()
	definitions := must(armauthorization.NewRoleDefinitionsClient(as(t, owner), armOptions(t)))(t)
	found := all(t, definitions.NewListPager(scope, &armauthorization.RoleDefinitionsClientListOptions{Filter: to.Ptr("roleName eq '" + role + "'")}))[0].Value
	if len(found) != 1 {
		t.Fatalf("%d roles are called %s", len(found), role)
	}
	assignments := must(armauthorization.NewRoleAssignmentsClient(subscription, as(t, owner), armOptions(t)))(t)
	return must(assignments.Create(t.Context(), scope, newGUID(), armauthorization.RoleAssignmentCreateParameters{
		Properties: &armauthorization.RoleAssignmentProperties{RoleDefinitionID: found[0].ID, PrincipalID: to.Ptr(principal)}}, nil))(t).RoleAssignment
}
