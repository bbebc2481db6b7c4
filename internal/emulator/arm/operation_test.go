package arm_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/internal/emulator/arm"
)

func TestAnUpdateRunsAndThenTheNodeFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slowly(90*time.Second, time.Minute))
	got := w.patch(vm, assigned("UserAssigned", "a"))
	poll := got.header.Get("Azure-AsyncOperation")
	if !strings.HasPrefix(poll, home+"/subscriptions/") || got.header.Get("Location") != poll+"&monitor=true" || got.header.Get("Retry-After") != "90" {
		t.Fatalf("headers %v", got.header)
	}
	for _, step := range []struct {
		after          time.Duration
		status, state  string
		monitor        int
		holds, waiting string
	}{
		{0, "InProgress", "Updating", 202, "", "90"},
		{89500 * time.Millisecond, "InProgress", "Updating", 202, "", "1"},
		{500 * time.Millisecond, "Succeeded", "Succeeded", 200, "", ""},
		{59 * time.Second, "Succeeded", "Succeeded", 200, "", ""},
		{time.Second, "Succeeded", "Succeeded", 200, "a", ""},
	} {
		w.clock.Advance(step.after)
		status, monitor := w.ask(w.owner, "GET", poll, ""), w.ask(w.owner, "GET", poll+"&monitor=true", "")
		state := w.ask(w.owner, "GET", vm+version, "").body["properties"].(map[string]any)["provisioningState"]
		if status.body["status"] != step.status || status.header.Get("Retry-After") != step.waiting || monitor.status != step.monitor ||
			state != step.state || w.holds("node-1") != step.holds {
			t.Errorf("after %s: %s, monitor %d, %s, holds %q", step.after, status.text, monitor.status, state, w.holds("node-1"))
		}
	}
}

func TestOneUpdateAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slowly(time.Minute, 0))
	w.patch(vm, assigned("UserAssigned", "a"))
	if got := w.ask(w.owner, "PATCH", vm+version, assigned("UserAssigned", "b")); got.status != 409 || got.code() != "OperationNotAllowed" {
		t.Errorf("%d %s", got.status, got.text)
	}
	w.patch(pool, assigned("UserAssigned", "b")) // another machine is another matter
	w.clock.Advance(time.Minute)
	w.patch(vm, assigned("UserAssigned", "b"))
	w.clock.Advance(time.Minute)
	if got := w.holds("node-1"); got != "a b" {
		t.Errorf("holds %q", got)
	}
}

func TestADeletedIdentityFailsEveryUpdateUntilItIsTakenAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.patch(vm, assigned("UserAssigned", "a", "b"))
	w.directory.Remove("a")
	got := w.patch(vm, assigned("SystemAssigned, UserAssigned", "c"))
	status := w.ask(w.owner, "GET", got.header.Get("Azure-AsyncOperation"), "")
	if status.status != 200 || status.body["status"] != "Failed" || status.code() != "FailedIdentityOperation" || !strings.Contains(status.message(), identity+"a") {
		t.Errorf("%d %s", status.status, status.text)
	}
	if monitor := w.ask(w.owner, "GET", got.header.Get("Location"), ""); monitor.status != 409 || monitor.code() != "FailedIdentityOperation" {
		t.Errorf("%d %s", monitor.status, monitor.text)
	}
	if _, known := w.directory.Find("node-1"); known || w.holds("node-1") != "b" {
		t.Errorf("holds %q", w.holds("node-1"))
	}
	w.patch(vm, assigned("UserAssigned", "-a", "c"))
	if got := w.holds("node-1"); got != "b c" {
		t.Errorf("holds %q", got)
	}
}

func TestAnInstanceFollowsItsModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.patch(pool, assigned("UserAssigned", "a"))
	if w.holds("pool-0")+w.holds("pool-1") != "" || w.latest("0") || w.latest("1") {
		t.Error("an instance followed before it was told")
	}
	one := w.ask(w.owner, "POST", pool+"/manualupgrade"+version, `{"instanceIds":["1"]}`)
	if one.status != 202 || w.holds("pool-0") != "" || w.holds("pool-1") != "a" || w.latest("0") || !w.latest("1") {
		t.Errorf("%d, %q and %q", one.status, w.holds("pool-0"), w.holds("pool-1"))
	}
	all := w.ask(w.owner, "POST", pool+"/manualupgrade"+version, `{"instanceIds":["*"]}`)
	end := w.ask(w.owner, "GET", all.header.Get("Location"), "")
	if end.status != 200 || end.text != "" || w.holds("pool-0") != "a" || !w.latest("0") {
		t.Errorf("%d %s, %q", end.status, end.text, w.holds("pool-0"))
	}
	for body, code := range map[string]string{`{}`: "InvalidParameter", `{"instanceIds":["2"]}`: "InvalidParameter", `[`: "InvalidRequestContent"} {
		if got := w.ask(w.owner, "POST", pool+"/manualupgrade"+version, body); got.status != 400 || got.code() != code {
			t.Errorf("%s: %d %s", body, got.status, got.text)
		}
	}
}

// latest is what an instance's view says of it.
func (w *world) latest(instance string) bool {
	w.t.Helper()
	got := w.ask(w.owner, "GET", pool+"/virtualMachines/"+instance+version, "")
	applied, ok := got.body["properties"].(map[string]any)["latestModelApplied"].(bool)
	if !ok {
		w.t.Fatalf("%d %s", got.status, got.text)
	}
	return applied
}

func TestInstancesOfAnAutomaticSetFollowByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(arm.Resource{Kind: arm.ScaleSet, Name: "auto", Nodes: []string{"auto-0"}})
	w.patch(strings.Replace(pool, "pool", "auto", 1), assigned("SystemAssigned, UserAssigned", "b"))
	if got := w.holds("auto-0"); got != "system b" {
		t.Errorf("holds %q", got)
	}
	list, _ := w.ask(w.owner, "GET", pool+"/virtualMachines"+version, "").body["value"].([]any)
	if got := w.ask(w.owner, "GET", pool+"/virtualMachines/7"+version, ""); len(list) != 2 || got.status != 404 {
		t.Errorf("%d listed; %d %s", len(list), got.status, got.text)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		all.Go(func() { w.ask(w.owner, "PATCH", vm+version, assigned("UserAssigned", name)) })
		all.Go(func() { w.ask(w.owner, "GET", vm+version, "") })
		all.Go(func() { w.server.Holding("node-1") })
	}
	all.Wait()
	if got := strings.Fields(w.holds("node-1")); len(got) != 3 {
		t.Errorf("holds %q", got)
	}
}

func TestHowThingsStand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for target, want := range map[string]string{
		vm + "/instanceView" + version:                                   "PowerState/running",
		vm + version + "&$expand=instanceView":                           "PowerState/running",
		pool + "/instanceView" + version:                                 `"count":2`,
		pool + "/virtualMachines/1/instanceView" + version:               "ProvisioningState/succeeded",
		pool + "/virtualMachines" + version:                              `"computerName":"pool-1"`,
		group + "/providers/Microsoft.Compute/virtualMachines" + version: `"name":"node-1"`,
	} {
		if got := w.ask(w.owner, "GET", target, ""); got.status != 200 || !strings.Contains(got.text, want) {
			t.Errorf("%s: %d %s", target, got.status, got.text)
		}
	}
	for _, target := range []string{vm + "/instanceView/x", pool + "/virtualMachines/instanceView/1", vm + "/manualupgrade"} {
		if got := w.ask(w.owner, "GET", target+version, ""); got.status != 404 {
			t.Errorf("%s: %d %s", target, got.status, got.text)
		}
	}
	if got := w.ask(w.owner, "PATCH", vm+"/instanceView"+version, "{}"); got.status != 405 {
		t.Errorf("%d", got.status)
	}
}
