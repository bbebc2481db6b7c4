package mic_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
	"strongroom/internal/podid/mic"
)

// A leader that ends in the middle of an update leaves it to its successor, who sends no second one and says Assigned when
// it is over, and not before.
func TestASuccessorResumesAnUpdate(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(4 * time.Second)
		w.halt()
		w.lead()
		w.wait(4 * time.Second)
		w.expect("p a pool-0 Created")
		w.wait(4 * time.Second)
		w.expect("p a pool-0 Assigned")
		if got := w.azure.calls("PATCH"); got != 1 {
			t.Errorf("%d updates: %v", got, w.azure.log)
		}
		w.dropPod("team", "p")
		w.wait(11 * time.Minute)
		w.expectHeld("pool-0", "")
	})
}

// One that ends before it could write down where the update can be asked about leaves that as well.
func TestASuccessorOfOneThatCouldWriteNothingDown(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("p", "a", "pool-0")
		w.azure.set(func() {
			w.azure.watch = func(string, string) {
				w.setRefuse(func(verb, _ string) error {
					if verb == "ledger" {
						return errors.New("no answer")
					}
					return nil
				})
			}
		})
		w.lead()
		w.wait(4 * time.Second)
		w.halt()
		w.setRefuse(nil)
		w.azure.set(func() { w.azure.watch = nil })
		w.lead()
		w.wait(4 * time.Second)
		w.expect("p a pool-0 Created")
		w.wait(8 * time.Second)
		w.expect("p a pool-0 Assigned")
		if got := w.azure.calls("PATCH"); got != 1 {
			t.Errorf("%d updates", got)
		}
		w.dropPod("team", "p")
		w.wait(11 * time.Minute)
		w.expectHeld("pool-0", "")
	})
}

// Nothing is put on a machine that is not in the ledger before.
func TestNoUpdateWithoutALedger(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.lead()
		w.setRefuse(func(verb, _ string) error {
			if verb == "ledger" {
				return fault.New(fault.Unavailable, "ledger", "no answer")
			}
			return nil
		})
		w.start("p", "a", "pool-0")
		w.wait(time.Minute)
		if got := w.azure.calls("PATCH"); got != 0 {
			t.Errorf("%d updates", got)
		}
		w.setRefuse(nil)
		w.wait(2 * time.Minute)
		w.expect("p a pool-0 Assigned")
	})
}

// Whoever finds that somebody else has written the ledger leads no longer, and stops before it does anything by it.
func TestALeaderThatWasSucceededStops(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.lead()
		w.change(func() {
			w.written++
			w.data = map[string]string{"format": "1", "identities": `["x"]`}
		})
		w.start("p", "a", "pool-0")
		w.wait(time.Minute)
		if err := w.ended(); fault.KindOf(err) != fault.Busy {
			t.Errorf("it ended with %v", err)
		}
		if got := w.azure.calls("PATCH"); got != 0 {
			t.Errorf("%d updates", got)
		}
	})
}

// Pods that went while nobody led, and one that came: the successor ends with exactly what is wanted.
func TestChangesWhileNobodyLeads(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p0", "a", "pool-0")
		w.start("p1", "a", "pool-1")
		w.lead()
		w.wait(time.Minute)
		w.halt()
		w.dropPod("team", "p0")
		w.dropPod("team", "p1")
		w.start("p2", "b", "pool-1")
		w.lead()
		w.wait(updateTime + 2*time.Second)
		w.expect("p2 b pool-1 Assigned")
		w.wait(11 * time.Minute)
		w.expectHeld("pool-0", "b")
	})
}

// A restart in a quiet cluster writes nothing on objects, and reads each machine once.
func TestARestartIsCheap(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p", "a", "pool-0")
		w.start("q", "b", "vm")
		w.lead()
		w.wait(time.Minute)
		w.halt()
		w.wrote()
		w.azure.forget()
		w.lead()
		w.wait(time.Minute)
		if got := slices.DeleteFunc(w.wrote(), func(s string) bool { return strings.HasPrefix(s, "status ") }); len(got) != 0 || len(w.azure.log) != 2 {
			t.Errorf("wrote %v, asked %v", got, w.azure.log)
		}
	})
}

// original is an object as the archived MIC has left it.
func (w *world) original(pod, identity, node string, state aadpodidentity.State) aadpodidentity.AssignedIdentity {
	w.mu.Lock()
	defer w.mu.Unlock()
	return aadpodidentity.AssignedIdentity{
		Meta: aadpodidentity.Meta{Namespace: "default", Name: pod + "-team-" + identity, Labels: map[string]string{"nodename": node},
			Finalizers: []string{aadpodidentity.Finalizer}},
		Identity: w.identities[objectKey{"team", identity}], Binding: w.bindings[objectKey{"team", identity}],
		Pod: pod, PodNamespace: "team", Node: node, State: state,
	}
}

// Objects of the archived MIC are taken over as they are. What it put on machines is left there, unless the operator says
// that it is ours.
func TestObjectsOfTheOriginalAreTakenOver(t *testing.T) {
	for name, adopt := range map[string]bool{"left": false, "adopted": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.configure = func(c *mic.Config) { c.AdoptAttached = adopt }
				w.use("a", "b")
				w.owned("old", false, "a", "b")
				for _, state := range []aadpodidentity.State{"", aadpodidentity.Assigned} {
					pod := "p" + string(state)
					w.start(pod, "a", "old")
					w.putAssigned(w.original(pod, "a", "old", state))
				}
				w.lead()
				w.wait(time.Minute)
				w.expect("p a old; pAssigned a old Assigned")
				if got := slices.DeleteFunc(w.wrote(), func(s string) bool { return strings.HasPrefix(s, "status ") }); len(got) != 0 {
					t.Errorf("wrote %v", got)
				}
				w.dropPod("team", "p")
				w.dropPod("team", "pAssigned")
				w.wait(time.Hour)
				w.expect("")
				want := "a b"
				if adopt {
					want = "b"
				}
				w.expectHeld("old", want)
			})
		})
	}
}

// Objects that were given up or are half deleted do not stay so when their pod is there.
func TestObjectsThatWereStuck(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		for _, pod := range []string{"given-up", "half-deleted"} {
			w.start(pod, "a", "pool-0")
			object := w.original(pod, "a", "pool-0", aadpodidentity.Unassigned)
			object.Deleting = pod == "half-deleted"
			w.putAssigned(object)
		}
		w.putAssigned(w.original("nobody", "a", "pool-0", aadpodidentity.Unassigned))
		w.lead()
		w.wait(updateTime + 2*time.Second)
		w.expect("given-up a pool-0 Assigned; half-deleted a pool-0 Assigned")
	})
}

func TestAnObjectDeletedByHandComesBack(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.change(func() { clear(w.assigned) })
		w.wait(11 * time.Second)
		w.expect("p a pool-0 Assigned")
	})
}

// Failed writes are tried again without anything new, and told of once.
func TestWritesThatFailAreTriedAgain(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.told()
		w.setRefuse(func(verb, _ string) error {
			if verb == "delete" {
				return fault.New(fault.Unavailable, "", "no answer")
			}
			return nil
		})
		w.dropPod("team", "p")
		w.wait(time.Hour)
		w.expect("p a pool-0 Assigned")
		w.expectHeld("pool-0", "a") // an object still says that it can be used
		if got := w.told(); len(got) != 1 || !strings.Contains(got[0], "binding remove error") {
			t.Errorf("events: %v", got)
		}
		w.setRefuse(nil)
		w.wait(time.Minute)
		w.expect("")
		if got := w.told(); len(got) != 1 || !strings.Contains(got[0], "binding removed") {
			t.Errorf("events: %v", got)
		}
		w.wait(11 * time.Minute)
		w.expectHeld("pool-0", "")
	})
}

// A removal that Azure refuses harms nobody, and is tried again.
func TestARemovalThatFails(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.azure.set(func() {
			w.azure.fault = func(method, _ string) *http.Response {
				if method == http.MethodPatch {
					return answers(500, "InternalError", "sorry")
				}
				return nil
			}
		})
		w.dropPod("team", "p")
		w.wait(15 * time.Minute)
		w.expect("")
		w.expectHeld("pool-0", "a")
		w.start("q", "a", "pool-1")
		w.wait(time.Minute)
		w.expect("q a pool-1 Assigned")
		w.azure.set(func() { w.azure.fault = nil })
		w.editPod("team", "q", func(p *match.Pod) { p.Finished = true })
		w.wait(15 * time.Minute)
		w.expectHeld("pool-0", "")
	})
}

// Two identities of one name, and joins that come to one name, all get an object; who was first has the plain name.
func TestNamesThatCollide(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b-c", "c")
		p := w.azure.identity("another")
		w.putIdentity(aadpodidentity.Identity{Meta: aadpodidentity.Meta{Namespace: "zoo", Name: "a"}, ResourceID: idOf("another"), ClientID: p.ClientID})
		w.putBinding("zoo", "a", "a", "a")
		w.start("p", "a", "pool-0")
		w.putPod("x-y", "q", "c", "pool-0")
		w.putPod("y", "q-x", "c", "pool-0")
		w.lead()
		w.wait(updateTime + 2*time.Second)
		if got := strings.Count(w.says(), "Assigned"); got != 4 {
			t.Errorf("%s", w.says())
		}
		for _, object := range w.objects() {
			if object.Name == "p-team-a" && object.Identity.Namespace != "team" {
				t.Error("the second has the name of the first")
			}
		}
	})
}

// With all kept to their namespaces, objects are beside their identities, and equal names do not meet.
func TestForcedNamespaces(t *testing.T) {
	bubble(t, func(w *world) {
		w.configure = func(c *mic.Config) { c.ForceNamespaced = true }
		w.use("a")
		p := w.azure.identity("another")
		w.putIdentity(aadpodidentity.Identity{Meta: aadpodidentity.Meta{Namespace: "zoo", Name: "a"}, ResourceID: idOf("another"), ClientID: p.ClientID})
		w.putBinding("zoo", "a", "a", "a")
		w.start("p", "a", "pool-0")
		w.putPod("zoo", "p", "a", "pool-0")
		w.putPod("other", "p", "a", "pool-0")
		w.lead()
		w.wait(updateTime + 2*time.Second)
		w.expect("p a pool-0 Assigned; p a pool-0 Assigned")
		for _, object := range w.objects() {
			if object.Namespace != object.Identity.Namespace || object.PodNamespace != object.Identity.Namespace {
				t.Errorf("%s/%s is for a pod of %s and an identity of %s", object.Namespace, object.Name, object.PodNamespace, object.Identity.Namespace)
			}
		}
	})
}
