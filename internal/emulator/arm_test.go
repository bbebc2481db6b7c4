package emulator_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/go-cmp/cmp"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/faults"
)

// The tests here do what a controller does that assigns identities to nodes, with the SDK's own machinery for the
// resource manager: its pipeline with bearer tokens and its poller.

func TestAnAssignedIdentityIsTheNodesUntilItIsTakenAway(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet))
	c := ownController(t, e)
	if got := metadataSays(t, e, "worker", fleetIdentity); got != "Identity not found" {
		t.Errorf("before: %s", got)
	}
	got := c.patch(armNode, give("fleet"))
	if got.Identity == nil || got.Identity.UserAssignedIdentities[armIdentities+"fleet"].ClientID != fleetIdentity {
		t.Errorf("got %+v", got)
	}
	if got := metadataSays(t, e, "worker", fleetIdentity); got != fleetIdentity {
		t.Errorf("assigned: %s", got)
	}
	if got := c.patch(armNode, `{"identity":{"type":"None"}}`); got.Identity != nil {
		t.Errorf("got %+v", got)
	}
	if got := metadataSays(t, e, "worker", fleetIdentity); got != "Identity not found" {
		t.Errorf("after: %s", got)
	}
	counts := e.Counts()
	want := map[string]int{"vm-patch": 2, "vm-get": 2, "arm-operation": 2, "imds-token": 3, "oidc": 1, "token": 1}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTheResourceManagerUnderItsPublicName(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet))
	o := publicOptions(t, e)
	o.Cloud.ActiveDirectoryAuthorityHost = "https://login.microsoftonline.com"
	c := newController(t, o, "https://management.azure.com", "https://management.core.windows.net/")
	c.patch(armNode, give("fleet"))
	if got := metadataSays(t, e, "worker", fleetIdentity); got != fleetIdentity {
		t.Errorf("got %s", got)
	}
}

func TestTheSDKPollsAsLongAsAnUpdateRuns(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet+"resourceManager: {updateTime: 20m, propagation: 10m}\n"))
	poller := ownController(t, e).begin(http.MethodPatch, armNode, give("fleet"))
	for _, step := range []struct {
		skew time.Duration
		done bool
		says string
	}{{0, false, "Identity not found"}, {21 * time.Minute, true, "Identity not found"}, {31 * time.Minute, true, fleetIdentity}} {
		if err := e.SetFaults([]emulator.Fault{{Service: faults.ARM, ClockSkew: step.skew + time.Nanosecond}}); err != nil {
			t.Fatal(err)
		}
		if !poller.Done() {
			if _, err := poller.Poll(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := metadataSays(t, e, "worker", fleetIdentity); got != step.says || poller.Done() != step.done {
			t.Errorf("after %s: done %v, %s", step.skew, poller.Done(), got)
		}
	}
}

func TestAManualScaleSetFollowsWhenUpgraded(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet))
	c := ownController(t, e)
	c.patch(armPool, give("fleet"))
	if got := metadataSays(t, e, "pool-0", fleetIdentity); got != "Identity not found" {
		t.Errorf("before: %s", got)
	}
	upgrade := c.begin(http.MethodPost, armPool+"/manualupgrade", `{"instanceIds":["*"]}`)
	if _, err := upgrade.PollUntilDone(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := metadataSays(t, e, "pool-0", fleetIdentity); got != fleetIdentity {
		t.Errorf("after: %s", got)
	}
	if got := e.Counts(); got["vmss-patch"] != 1 || got["vmss-upgrade"] != 1 {
		t.Errorf("counts %v", got)
	}
}

func TestTheSDKIsToldWhyItMayNot(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet))
	c := ownController(t, e)
	for _, test := range []struct {
		id, name, code, text string
		status               int
	}{
		{armNode, "spare", "LinkedAuthorizationFailed", "on the linked scope(s) '" + armIdentities + "spare' or the linked scope(s) are invalid", 403},
		{armNode, "nobody", "LinkedAuthorizationFailed", "on the linked scope(s) '" + armIdentities + "nobody' or the linked scope(s) are invalid", 403},
		{armNode + "-2", "fleet", "AuthorizationFailed", "Microsoft.Compute/virtualMachines/write", 403},
	} {
		_, err := c.do(http.MethodPatch, test.id, give(test.name))
		var refused *azcore.ResponseError
		if !errors.As(err, &refused) || refused.StatusCode != test.status || refused.ErrorCode != test.code || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestAThrottledResourceManagerTellsItsBudget(t *testing.T) {
	t.Parallel()
	e := start(t, document(t, fleet))
	if err := e.SetFaults([]emulator.Fault{{Service: faults.ARM, Status: 429, RetryAfter: 20 * time.Minute, Path: "worker"}}); err != nil {
		t.Fatal(err)
	}
	_, err := ownController(t, e).do(http.MethodGet, armNode, "")
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != 429 || refused.ErrorCode != "OperationNotAllowed" || !strings.Contains(err.Error(), "HighCostGet30Min") {
		t.Fatalf("got %v", err)
	}
	header := refused.RawResponse.Header
	if header.Get("Retry-After") != "1200" || header.Get("x-ms-ratelimit-remaining-resource") != "Microsoft.Compute/HighCostGet30Min;0" {
		t.Errorf("got %v", header)
	}
	if got := e.Counts()["vm-get"]; got != 1 {
		t.Errorf("%d tries; none is repeated after so long", got)
	}
}
