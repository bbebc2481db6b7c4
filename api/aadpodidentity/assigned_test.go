package aadpodidentity_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/aadpodidentity"
)

// theirs is what testdata/assigned.json says: an object in the shape the archived project's MIC writes.
func theirs() aadpodidentity.AssignedIdentity {
	return aadpodidentity.AssignedIdentity{
		Meta: aadpodidentity.Meta{
			Namespace: "default", Name: "web-0-shop-vault-reader", UID: "a0000000-0000-4000-8000-000000000001", ResourceVersion: "4711",
			Labels: map[string]string{aadpodidentity.LabelNode: "aks-pool-vmss000003"}, Finalizers: []string{aadpodidentity.Finalizer},
		},
		Identity: aadpodidentity.Identity{
			Meta: aadpodidentity.Meta{
				Namespace: "shop", Name: "vault-reader", UID: "a0000000-0000-4000-8000-000000000002", ResourceVersion: "12",
				Annotations: map[string]string{"note": "of no interest"},
			},
			ResourceID: "/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/vault-reader",
			ClientID:   "66666666-7777-4888-8999-aaaaaaaaaaaa",
		},
		Binding: aadpodidentity.Binding{
			Meta:          aadpodidentity.Meta{Namespace: "shop", Name: "vault-reader-binding", UID: "a0000000-0000-4000-8000-000000000003", ResourceVersion: "13"},
			AzureIdentity: "vault-reader", Selector: "vault",
		},
		Pod: "web-0", PodNamespace: "shop", Node: "aks-pool-vmss000003", State: aadpodidentity.Assigned,
	}
}

func TestTheArchivedProjectsObjectIsRead(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/assigned.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := aadpodidentity.DecodeAssignedIdentity(raw)
	if diff := cmp.Diff(theirs(), got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// What the archived project's programs read of an object, each field by its path.
func TestWhatIsWrittenIsWhatOthersRead(t *testing.T) {
	t.Parallel()
	raw, err := aadpodidentity.EncodeAssignedIdentity(theirs())
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "aadpodidentity.k8s.io/v1", "kind": "AzureAssignedIdentity",
		"metadata": map[string]any{
			"namespace": "default", "name": "web-0-shop-vault-reader", "uid": "a0000000-0000-4000-8000-000000000001", "resourceVersion": "4711",
			"labels": map[string]any{"nodename": "aks-pool-vmss000003"}, "finalizers": []any{"azureassignedidentity.finalizers.aadpodidentity.k8s.io"},
		},
		"spec": map[string]any{
			"azureIdentityRef": map[string]any{
				"apiVersion": "aadpodidentity.k8s.io/v1", "kind": "AzureIdentity",
				"metadata": map[string]any{
					"namespace": "shop", "name": "vault-reader", "uid": "a0000000-0000-4000-8000-000000000002", "resourceVersion": "12",
					"annotations": map[string]any{"note": "of no interest"},
				},
				"spec": map[string]any{"type": 0.0, "clientID": "66666666-7777-4888-8999-aaaaaaaaaaaa", "resourceID": theirs().Identity.ResourceID},
			},
			"azureBindingRef": map[string]any{
				"apiVersion": "aadpodidentity.k8s.io/v1", "kind": "AzureIdentityBinding",
				"metadata": map[string]any{"namespace": "shop", "name": "vault-reader-binding", "uid": "a0000000-0000-4000-8000-000000000003", "resourceVersion": "13"},
				"spec":     map[string]any{"azureIdentity": "vault-reader", "selector": "vault"},
			},
			"pod": "web-0", "podNamespace": "shop", "nodename": "aks-pool-vmss000003",
		},
		"status": map[string]any{"status": "Assigned", "availableReplicas": 1.0},
	}
	if diff := cmp.Diff(want, object); diff != "" {
		t.Error(diff)
	}
}

func TestAServicePrincipalIsCopiedWhole(t *testing.T) {
	t.Parallel()
	a := theirs()
	a.Identity.Type, a.Identity.ResourceID = aadpodidentity.ServicePrincipalCertificate, ""
	a.Identity.ClientPassword = aadpodidentity.SecretRef{Namespace: "shop", Name: "credential"}
	a.Identity.TenantID, a.Identity.ADEndpoint, a.Identity.AuxiliaryTenantIDs = "t", "https://login.example", []string{"x"}
	a.Annotations = map[string]string{"k": "v"}
	raw, err := aadpodidentity.EncodeAssignedIdentity(a)
	if err != nil {
		t.Fatal(err)
	}
	got, err := aadpodidentity.DecodeAssignedIdentity(raw)
	if diff := cmp.Diff(a, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestAnObjectOnItsWayOutIsSeenAsSuch(t *testing.T) {
	t.Parallel()
	a, err := aadpodidentity.DecodeAssignedIdentity([]byte(`{"metadata": {"name": "n", "deletionTimestamp": "2030-01-01T00:00:00Z"}}`))
	if err != nil || !a.Deleting || a.State != "" {
		t.Error(a, err)
	}
}
