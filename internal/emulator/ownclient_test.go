package emulator_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/arm"
	"strongroom/internal/azure/armtoken"
	"strongroom/internal/azure/azurejson"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/fault"
)

// The tests here drive the emulator by our own client of the resource manager, as a cluster has it: configured by an
// azure.json alone, and with the token kept. The two sides share no code, so that each checks the other.

// own is a client with the configuration of a node.
func own(t *testing.T, e *emulator.Emulator) *arm.Client {
	t.Helper()
	dir := t.TempDir()
	path, custom := filepath.Join(dir, "azure.json"), filepath.Join(dir, "cloud.json")
	for file, text := range map[string]string{custom: string(e.CloudFile()),
		path: `{"cloud":"AzureStackCloud","tenantId":"` + tenant + `","aadClientId":"` + servicePrincipal + `","aadClientSecret":"` + clientSecret + `"}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ways, err := transport.New(transport.Config{CA: e.CA()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ways.Close)
	settings := azurejson.NewFile(path, custom, nil)
	c, err := settings.Read()
	if err != nil {
		t.Fatal(fault.Explain(err))
	}
	source := armtoken.New(armtoken.Config{Settings: settings.Read, Tokens: token.New(token.Config{HTTP: ways.Azure, Direct: ways.Direct})})
	return arm.New(arm.Config{HTTP: ways.Azure, Endpoint: c.Cloud.ResourceManager, Token: source.Token, Refused: source.Refused})
}

var (
	ownNode = arm.Resource{Subscription: "00000000-0000-0000-0000-000000000000", Group: "emulator", Name: "worker", Kind: arm.VirtualMachine}
	ownPool = arm.Resource{Subscription: "00000000-0000-0000-0000-000000000000", Group: "emulator", Name: "pool", Kind: arm.ScaleSet}
)

func identityID(name string) string { return strings.ToLower(armIdentities + name) }

// held are the names of a machine's user-assigned identities with their client ids, and its type.
func held(t *testing.T, c *arm.Client, r arm.Resource) (arm.Held, map[string]string) {
	t.Helper()
	h, err := c.Identities(t.Context(), r)
	if err != nil {
		t.Fatal(fault.Explain(err))
	}
	found := map[string]string{}
	for id, one := range h.Identities {
		found[strings.TrimPrefix(id, identityID(""))] = one.ClientID
	}
	return h, found
}

func TestOurClientAddsAndRemovesIdentities(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet))
	c := own(t, e)
	for _, r := range []arm.Resource{ownNode, ownPool} {
		for _, step := range []struct {
			change arm.Change
			want   map[string]string
			word   string
		}{
			{arm.Change{Add: []string{armIdentities + "fleet"}}, map[string]string{"fleet": fleetIdentity}, "UserAssigned"},
			{arm.Change{Remove: []string{armIdentities + "spare"}}, map[string]string{"fleet": fleetIdentity}, "UserAssigned"},
			{arm.Change{Remove: []string{identityID("fleet")}}, map[string]string{}, ""},
		} {
			before, _ := held(t, c, r)
			op, err := c.Update(t.Context(), r, before, step.change)
			if err != nil {
				t.Fatal(fault.Explain(err))
			}
			for !op.Done {
				if op, err = c.Poll(t.Context(), op); err != nil {
					t.Fatal(fault.Explain(err))
				}
			}
			after, found := held(t, c, r)
			if diff := cmp.Diff(step.want, found); diff != "" || after.Type != step.word || after.ProvisioningState != "Succeeded" {
				t.Errorf("%s after %+v: %+v\n%s", r, step.change, after, diff)
			}
		}
	}
	want := map[string]int{"token": 1, "vm-get": 6, "vm-patch": 2, "vmss-get": 6, "vmss-patch": 2, "arm-operation": 4}
	if diff := cmp.Diff(want, e.Counts()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestOurClientIsToldOfEveryRefusal(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet+"resourceManager: {updateTime: 20m}\n"))
	c := own(t, e)
	empty, _ := held(t, c, ownNode)
	for name, test := range map[string]struct {
		id     string
		kind   fault.Kind
		remedy string
	}{
		"may not assign": {"spare", fault.Denied, `az role assignment create --role "Managed Identity Operator" --assignee-object-id `},
		"does not exist": {"nobody", fault.Denied, "--scope " + identityID("nobody")},
	} {
		_, err := c.Update(t.Context(), ownNode, empty, arm.Change{Add: []string{armIdentities + test.id, armIdentities + "fleet"}})
		var bad *arm.BadIdentities
		if fault.KindOf(err) != test.kind || !errors.As(err, &bad) || !cmp.Equal(bad.IDs, []string{identityID(test.id)}) || !strings.Contains(fault.Explain(err), test.remedy) {
			t.Errorf("%s: %s", name, fault.Explain(err))
		}
	}
	elsewhere := ownNode
	elsewhere.Name = "nowhere"
	if _, err := c.Identities(t.Context(), elsewhere); fault.KindOf(err) != fault.Denied || !strings.Contains(fault.Explain(err), `--role "Virtual Machine Contributor"`) {
		t.Errorf("no role there: %s", fault.Explain(err))
	}

	op, err := c.Update(t.Context(), ownNode, empty, arm.Change{Add: []string{armIdentities + "fleet"}})
	if err != nil || op.Done || op.RetryAfter < 19*time.Minute {
		t.Fatalf("%+v, %s", op, fault.Explain(err))
	}
	if _, err := c.Update(t.Context(), ownNode, empty, arm.Change{Add: []string{armIdentities + "fleet"}}); fault.KindOf(err) != fault.Busy {
		t.Errorf("while another runs: %s", fault.Explain(err))
	}
	if op, err = c.Poll(t.Context(), op); err != nil || op.Done {
		t.Errorf("%+v, %v", op, err)
	}
	e.Directory().Remove(fleetIdentity) // and so the update cannot end well
	if err := e.SetFaults([]emulator.Fault{{Service: faults.ARM, ClockSkew: 21 * time.Minute}}); err != nil {
		t.Fatal(err)
	}
	var bad *arm.BadIdentities
	if op, err = c.Poll(t.Context(), op); fault.KindOf(err) != fault.Invalid || !op.Done || !errors.As(err, &bad) || !cmp.Equal(bad.IDs, []string{identityID("fleet")}) {
		t.Errorf("%+v, %s", op, fault.Explain(err))
	}
}

func TestOurClientWaitsAsLongAsItIsTold(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet))
	c := own(t, e)
	before, _ := held(t, c, ownPool)
	if err := e.SetFaults([]emulator.Fault{{Service: faults.ARM, Status: 429, RetryAfter: 7 * time.Second}}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Update(t.Context(), ownPool, before, arm.Change{Add: []string{armIdentities + "fleet"}})
	if fault.KindOf(err) != fault.Throttled || fault.RetryAfterOf(err) != 7*time.Second {
		t.Errorf("%s", fault.Explain(err))
	}
}

// What somebody else puts on a machine between our look and our update stays there.
func TestOurClientLeavesWhatItDoesNotKnowOf(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet+"- {principal: controller, role: Managed Identity Operator, scope: spare}\n"))
	c, other := own(t, e), ownController(t, e)
	empty, _ := held(t, c, ownNode)
	other.patch(armNode, give("spare"))
	if _, err := c.Update(t.Context(), ownNode, empty, arm.Change{Add: []string{armIdentities + "fleet"}}); err != nil {
		t.Fatal(fault.Explain(err))
	}
	mine, found := held(t, c, ownNode)
	if diff := cmp.Diff(map[string]string{"fleet": fleetIdentity, "spare": spareIdentity}, found); diff != "" {
		t.Error(diff)
	}
	only := mine
	only.Identities = map[string]arm.HeldIdentity{identityID("fleet"): {ClientID: fleetIdentity}}
	only.ETag = empty.ETag // as it was before the other came
	if _, err := c.Update(t.Context(), ownNode, only, arm.Change{Remove: []string{armIdentities + "fleet"}}); fault.KindOf(err) != fault.Busy {
		t.Errorf("the last that was known: %v", err)
	}
	if _, found = held(t, c, ownNode); len(found) != 2 {
		t.Errorf("left: %v", found)
	}
}
