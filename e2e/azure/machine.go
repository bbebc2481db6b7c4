package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What pod identity is told of this Azure, beside the tenant: where the node is, and who may change it there.
const (
	SubscriptionID   = "00000000-0000-0000-0000-000000000000"
	ResourceGroup    = "emulator"
	ControllerID     = controllerID
	ControllerSecret = operatorSecret
)

// An identity that is there from the start, since installations name it.
const (
	immutable   = "immutable"
	immutableID = "3d2c1b0a-9f8e-4d7c-8b6a-5f4e3d2c1b0a"
)

// Immutable is an identity that installations of the tests never take off the node.
func (e *Emulator) Immutable() Identity {
	return Identity{Name: immutable, TenantID: Tenant, ClientID: immutableID, ResourceID: ResourceID(immutable)}
}

// Machine is what the resource manager says of the node's scale set: its identities by their ids in lower case, and the
// system-assigned one.
type Machine struct {
	Type        string
	PrincipalID string
	TenantID    string
	Identities  map[string]struct{ ClientID, PrincipalID string }
	State       string
}

// Has is true when the machine has an identity.
func (m Machine) Has(i Identity) bool {
	_, has := m.Identities[strings.ToLower(i.ResourceID)]
	return has
}

// ObjectID is that of a managed identity, as the resource manager tells it.
func (e *Emulator) ObjectID(t testing.TB, i Identity) string {
	t.Helper()
	var body struct{ Properties struct{ PrincipalID string } }
	if err := json.Unmarshal(e.operate(t, http.MethodGet, manager, manager+i.ResourceID+"?api-version=2023-01-31", nil), &body); err != nil {
		t.Fatal(err)
	}
	return body.Properties.PrincipalID
}

const manager = "https://management.azure.com"

// Machine reads the node's scale set.
func (e *Emulator) Machine(t testing.TB) Machine {
	t.Helper()
	var body struct {
		Identity struct {
			Type, PrincipalID, TenantID string
			UserAssignedIdentities      map[string]struct{ ClientID, PrincipalID string }
		}
		Properties struct{ ProvisioningState string }
	}
	if err := json.Unmarshal(e.operate(t, http.MethodGet, manager, machineURL, nil), &body); err != nil {
		t.Fatal(err)
	}
	m := Machine{body.Identity.Type, body.Identity.PrincipalID, body.Identity.TenantID,
		map[string]struct{ ClientID, PrincipalID string }{}, body.Properties.ProvisioningState}
	for id, held := range body.Identity.UserAssignedIdentities {
		m.Identities[strings.ToLower(id)] = held
	}
	return m
}

const machineURL = manager + machines + "?api-version=2024-07-01"

// Assign gives a user-assigned identity to the node's scale set by hand, so that IMDS hands out its tokens. It stays: an
// identity more disturbs nobody who names the one it wants.
func (e *Emulator) Assign(t testing.TB, i Identity) {
	t.Helper()
	e.change(t, i, map[string]any{})
}

// Unassign takes one off by hand.
func (e *Emulator) Unassign(t testing.TB, i Identity) {
	t.Helper()
	e.change(t, i, nil)
}

// change updates the scale set, after whoever else does, and returns when the update is over.
func (e *Emulator) change(t testing.TB, i Identity, entry any) {
	t.Helper()
	bearer, err := e.operatorToken(t.Context(), manager)
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"identity": map[string]any{
		"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": map[string]any{i.ResourceID: entry},
	}}
	e.until(t, "the update of the scale set", func() error {
		_, err := e.call(t.Context(), http.MethodPatch, machineURL, bearer, body)
		if err != nil && !strings.Contains(err.Error(), "409 ") {
			t.Fatal(err)
		}
		return err
	})
	e.until(t, "the end of the update", func() error {
		if state := e.Machine(t).State; state != "Succeeded" {
			return errors.New(state)
		}
		return nil
	})
}

func (e *Emulator) until(t testing.TB, what string, ask func() error) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Permit lets somebody read a vault's secrets from now on, by the resource manager.
func (v Vault) Permit(t testing.TB, i Identity) {
	t.Helper()
	address := fmt.Sprintf("%s%sMicrosoft.KeyVault/vaults/%s/accessPolicies/add?api-version=2023-07-01", manager, group, v.Name)
	v.e.operate(t, http.MethodPut, manager, address, map[string]any{"properties": map[string]any{"accessPolicies": []any{map[string]any{
		"tenantId": Tenant, "objectId": i.ObjectID, "permissions": map[string]any{"secrets": []string{"get"}},
	}}}})
}
