package mic_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
)

// One valid identity and two that are refused, at once: the valid one is there after one update more, the others wait
// alone, and people are told what mends it.
func TestRefusedIdentitiesWaitAlone(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("good", "forbidden", "forbidden-too", "late")
		w.editIdentity("team", "forbidden-too", func(i *aadpodidentity.Identity) { i.ResourceID = idOf("never-made") })
		for _, name := range []string{"good", "forbidden", "forbidden-too"} {
			w.start(name, name, "pool-0")
		}
		w.lead()
		w.wait(updateTime + 2*time.Second)
		w.expect("forbidden forbidden pool-0 Created; forbidden-too forbidden-too pool-0 Created; good good pool-0 Assigned")
		if got := w.azure.calls("PATCH"); got != 2 {
			t.Errorf("%d updates", got)
		}
		if got := w.condition("AzureIdentity team/forbidden Attached"); !strings.HasPrefix(got, "False Refused") || !strings.Contains(got, "az role assignment create") {
			t.Errorf("the identity says %q", got)
		}
		if got := w.condition("Pod team/forbidden"); !strings.HasPrefix(got, "False Refused") {
			t.Errorf("the pod says %q", got)
		}
		if events := strings.Join(w.told(), "\n"); !strings.Contains(events, "AzureIdentityBinding team/forbidden warning=true binding apply error") ||
			!strings.Contains(events, "AzureIdentityBinding team/good warning=false binding applied") {
			t.Errorf("events are\n%s", events)
		}

		w.wait(2 * time.Minute)
		w.azure.forget()
		w.start("late", "late", "pool-0") // a working one that comes later is not held up, nor are those that work
		w.wait(updateTime + 2*time.Second)
		if got := w.says(); !strings.Contains(got, "late late pool-0 Assigned") || !strings.Contains(got, "good good pool-0 Assigned") {
			t.Errorf("%s", got)
		}
		w.azure.forget()
		w.wait(24 * time.Hour)
		if got := w.azure.calls("PATCH"); got > 60 {
			t.Errorf("a refused identity was tried %d times in a day", got)
		}
	})
}

func TestARefusedIdentityIsTriedAgainWhenItIsEdited(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("forbidden", "fine")
		w.start("p", "forbidden", "pool-0")
		w.lead()
		w.wait(time.Hour)
		w.azure.forget()
		w.editIdentity("team", "forbidden", func(i *aadpodidentity.Identity) { i.ResourceID = idOf("fine") })
		w.wait(updateTime + 2*time.Second)
		w.expect("p forbidden pool-0 Assigned")
		if got := w.condition("Pod team/p"); !strings.HasPrefix(got, "True") {
			t.Errorf("the pod says %q", got)
		}
	})
}

// An update that fails at its end, because an identity was deleted, names it as well.
func TestAnUpdateThatFailsAtItsEnd(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("good", "fleeting")
		w.start("good", "good", "pool-0")
		w.start("fleeting", "fleeting", "pool-0")
		w.lead()
		w.wait(5 * time.Second)
		w.azure.directory.Remove(idOf("fleeting"))
		w.wait(2*updateTime + 5*time.Second)
		w.expect("fleeting fleeting pool-0 Created; good good pool-0 Assigned")
	})
}

// A refusal that names nobody is narrowed down until it is known whom it is about.
func TestARefusalWithoutNames(t *testing.T) {
	bubble(t, func(w *world) {
		var names []string
		for i := range 8 {
			names = append(names, fmt.Sprint("id", i))
		}
		w.use(names...)
		for i, name := range names {
			w.start(fmt.Sprint("p", i), name, "pool-0")
		}
		w.azure.unspeakable = "id5"
		w.lead()
		w.wait(3 * time.Minute)
		for i := range 8 {
			want := fmt.Sprintf("p%d id%d pool-0 Assigned", i, i)
			if got := strings.Contains(w.says(), want); got != (i != 5) {
				t.Errorf("%s: %v", want, got)
			}
		}
	})
}

// Busy and throttled machines are left alone for as long as they ask, and no other waits for them.
func TestABusyMachineHoldsUpNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		answer func() *http.Response
		most   int // updates tried in 30 seconds
	}{
		"throttled": {func() *http.Response {
			return answers(429, "TooManyRequests", "too many", "Retry-After", "20")
		}, 2},
		"conflict": {func() *http.Response { return answers(409, "Conflict", "another operation") }, 5},
		"outage":   {func() *http.Response { return answers(503, "ServerTimeout", "later") }, 5},
		"denied":   {func() *http.Response { return answers(403, "AuthorizationFailed", "no right to write") }, 5},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.use("a")
				w.start("p0", "a", "pool-0")
				w.start("p1", "a", "vm")
				busy := true
				w.azure.fault = func(method, path string) *http.Response {
					if busy && method == http.MethodPatch && strings.HasSuffix(path, "/pool") {
						return test.answer()
					}
					return nil
				}
				w.lead()
				w.wait(updateTime + 2*time.Second)
				w.expect("p0 a pool-0 Created; p1 a vm Assigned")
				w.wait(18 * time.Second)
				if got := w.azure.calls("PATCH pool"); got > test.most {
					t.Errorf("%d updates", got)
				}
				w.azure.set(func() { busy = false })
				w.wait(2 * time.Minute)
				w.expect("p0 a pool-0 Assigned; p1 a vm Assigned")
			})
		})
	}
}

// More than a hundred and fifty identities go in several updates, and none is lost even when one of them fails.
func TestManyIdentitiesGoInSeveralUpdates(t *testing.T) {
	bubble(t, func(w *world) {
		var names []string
		for i := range 320 {
			names = append(names, fmt.Sprintf("id-%03d", i))
		}
		w.use(names...)
		for _, name := range names {
			w.start("p-"+name, name, "pool-0")
		}
		refusals := 0
		w.azure.fault = func(method, _ string) *http.Response {
			if method == http.MethodPatch && w.azure.countLocked("PATCH") == 2 && refusals == 0 {
				refusals++
				return answers(409, "Conflict", "somebody else")
			}
			return nil
		}
		w.lead()
		w.wait(5 * updateTime)
		if got := strings.Count(w.says(), "Assigned"); got != 320 {
			t.Errorf("%d are Assigned", got)
		}
		if got := len(strings.Fields(w.azure.holds("pool-0"))); got != 320 {
			t.Errorf("%d are held", got)
		}
		if got := w.azure.calls("PATCH"); got != 4 {
			t.Errorf("%d updates", got)
		}
		for _, name := range names {
			w.dropPod("team", "p-"+name)
		}
		w.wait(11 * time.Minute)
		w.expectHeld("pool-0", "")
	})
}

// An identity that cannot work is named with what is wrong, and left out.
func TestIdentitiesThatCannotWork(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.editIdentity("team", "a", func(i *aadpodidentity.Identity) { i.ResourceID = "/subscriptions/x" })
		w.editIdentity("team", "b", func(i *aadpodidentity.Identity) { i.ClientID = "" })
		w.start("p0", "a", "pool-0")
		w.start("p1", "b", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.expect("")
		for _, name := range []string{"a", "b"} {
			if got := w.condition("AzureIdentity team/" + name + " Accepted"); !strings.HasPrefix(got, "False Invalid") {
				t.Errorf("%s says %q", name, got)
			}
		}
		w.editIdentity("team", "a", func(i *aadpodidentity.Identity) { i.ResourceID = idOf("a") })
		w.wait(updateTime + 2*time.Second)
		w.expect("p0 a pool-0 Assigned")
		if got := w.condition("AzureIdentity team/a Accepted"); !strings.HasPrefix(got, "True") {
			t.Errorf("a says %q", got)
		}
	})
}

func TestAPodIsToldOnlyWhenItWaitsLong(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(1900 * time.Millisecond)
		if got := w.condition("Pod team/p"); got != "" {
			t.Errorf("told early: %q", got)
		}
		w.wait(time.Second)
		if got := w.condition("Pod team/p"); !strings.HasPrefix(got, "False Waiting") || !strings.Contains(got, "scale set pool") {
			t.Errorf("the pod says %q", got)
		}
		w.wait(updateTime)
		if got := w.condition("Pod team/p"); !strings.HasPrefix(got, "True Assigned") {
			t.Errorf("the pod says %q", got)
		}
		w.start("q", "a", "pool-0")
		w.wait(time.Minute)
		if got := w.condition("Pod team/q"); got != "" {
			t.Errorf("q was told %q", got)
		}
	})
}
