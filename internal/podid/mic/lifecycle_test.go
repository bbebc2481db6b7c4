package mic_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
	"strongroom/internal/podid/mic"
)

// The objects of a pod go when it does, and so does each when its binding or identity goes; the identity leaves the
// machine ten minutes after its last pod.
func TestWhatAPodNeededGoesAfterIt(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"pod":      func(w *world) { w.dropPod("team", "p") },
		"identity": func(w *world) { w.dropIdentity("team", "a") },
		"binding":  func(w *world) { w.dropBinding("team", "a") },
		"label":    func(w *world) { w.editPod("team", "p", func(p *match.Pod) { p.Binding = "none" }) },
		"finished": func(w *world) { w.editPod("team", "p", func(p *match.Pod) { p.Finished = true }) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				w.use("a")
				w.start("p", "a", "pool-0")
				w.lead()
				w.wait(time.Minute)
				w.expect("p a pool-0 Assigned")
				w.azure.forget()
				end(w)
				w.wait(200 * time.Millisecond)
				w.expect("")
				w.wait(9*time.Minute + 50*time.Second)
				w.expectHeld("pool-0", "a")
				w.wait(time.Minute)
				w.expectHeld("pool-0", "")
				if w.azure.calls("PATCH") != 1 {
					t.Errorf("%v", w.azure.log)
				}
				w.wait(24 * time.Hour)
				if got := w.azure.calls("GET"); got > 2 {
					t.Errorf("a machine without use was read %d times in a day", got)
				}
			})
		})
	}
}

func TestADetachDelayOfNothingIsAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		w.configure = func(c *mic.Config) { c.DetachDelay = -1 }
		w.use("a")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.dropPod("team", "p")
		w.wait(updateTime + time.Second)
		w.expectHeld("pool-0", "")
	})
}

// A job that runs every few minutes costs one update in its life.
func TestShortLivedPodsDoNotFlapAMachine(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.lead()
		for i := range 6 {
			w.start(fmt.Sprint("job-", i), "a", "pool-0")
			w.wait(30 * time.Second)
			w.editPod("team", fmt.Sprint("job-", i), func(p *match.Pod) { p.Finished = true })
			w.wait(5 * time.Minute)
		}
		if got := w.azure.calls("PATCH"); got != 1 {
			t.Errorf("%d updates", got)
		}
	})
}

func TestAnIdentityEditedInPlaceIsAssignedAnew(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		other := w.azure.identity("other")
		w.editIdentity("team", "a", func(i *aadpodidentity.Identity) { i.ResourceID, i.ClientID = idOf("other"), other.ClientID })
		w.wait(time.Second)
		w.expect("p a pool-0 Created")
		w.wait(updateTime + time.Second)
		w.expect("p a pool-0 Assigned")
		w.expectHeld("pool-0", "a other")
		if got := w.objects()[0].Identity.ClientID; got != other.ClientID {
			t.Errorf("the object has client id %s", got)
		}
	})
}

// Labels of an identity are nobody's business but its owner's: no token is interrupted, and the copy follows.
func TestAnEditOfMetadataResetsNothing(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.wrote()
		w.editIdentity("team", "a", func(i *aadpodidentity.Identity) { i.Labels = map[string]string{"tool": "gitops"} })
		w.wait(time.Second)
		w.expect("p a pool-0 Assigned")
		if got := w.wrote(); !slices.Equal(got, []string{"replace p-team-a"}) || w.objects()[0].Identity.Labels["tool"] != "gitops" {
			t.Errorf("wrote %v", got)
		}
	})
}

func TestAPodMovedToAnotherNodeKeepsItsObject(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("web-0", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.dropPod("team", "web-0")
		w.start("web-0", "a", "vm")
		w.wait(time.Second)
		w.expect("web-0 a vm Created")
		w.wait(updateTime + time.Second)
		w.expect("web-0 a vm Assigned")
		a := w.objects()[0]
		if a.Name != "web-0-team-a" || a.Labels[aadpodidentity.LabelNode] != "vm" {
			t.Errorf("%s %v", a.Name, a.Labels)
		}
		w.wait(11 * time.Minute)
		w.expectHeld("pool-0", "")
		w.expectHeld("vm", "a")
	})
}

func TestALabelChangedIsAnotherBinding(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.editPod("team", "p", func(p *match.Pod) { p.Binding = "b" })
		w.wait(updateTime + 2*time.Second)
		w.expect("p b pool-0 Assigned")
	})
}

// Five identities on one pod, taken away in any order: each time the right one goes.
func TestSeveralIdentitiesOfOnePodGoOneByOne(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b", "c", "d", "e")
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			w.putBinding("team", name, name, "all")
		}
		w.start("p", "all", "pool-0")
		w.lead()
		w.wait(time.Minute)
		left := []string{"a", "b", "c", "d", "e"}
		for _, gone := range []string{"c", "a", "e", "b", "d"} {
			w.dropBinding("team", gone)
			left = slices.DeleteFunc(left, func(name string) bool { return name == gone })
			w.wait(time.Second)
			var want []string
			for _, name := range left {
				want = append(want, "p "+name+" pool-0 Assigned")
			}
			w.expect(strings.Join(want, "; "))
		}
		w.wait(time.Hour)
		w.expectHeld("pool-0", "")
	})
}

// Adds, edits and removals at once, and a second identity for a pod that has one.
func TestOneBatchOfEverything(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b", "c")
		for i, label := range []string{"a", "a", "b"} {
			w.start(fmt.Sprint("p", i), label, "pool-0")
		}
		w.lead()
		w.wait(time.Minute)
		w.azure.forget()
		other := w.azure.identity("other")
		w.editIdentity("team", "b", func(i *aadpodidentity.Identity) { i.ResourceID, i.ClientID = idOf("other"), other.ClientID })
		w.putBinding("team", "second", "c", "b")
		w.dropPod("team", "p0")
		w.start("p3", "c", "pool-1")
		w.wait(updateTime + 2*time.Second)
		w.expect("p1 a pool-0 Assigned; p2 b pool-0 Assigned; p2 c pool-0 Assigned; p3 c pool-1 Assigned")
		if got := w.azure.calls("PATCH"); got != 1 {
			t.Errorf("%d updates", got)
		}
	})
}

// A scale set keeps an identity as long as one pod on any of its nodes needs it; another of its name is another.
func TestAScaleSetKeepsWhatOneOfItsNodesNeeds(t *testing.T) {
	bubble(t, func(w *world) {
		w.configure = func(c *mic.Config) { c.DetachDelay = -1 }
		w.use("a")
		w.start("web-0", "a", "pool-0")
		w.putPod("other", "web-0", "a", "pool-1")
		w.start("web-2", "a", "elsewhere-pool-0")
		w.lead()
		w.wait(time.Minute)
		w.dropPod("team", "web-0")
		w.wait(time.Minute)
		w.expect("web-0 a pool-1 Assigned; web-2 a elsewhere-pool-0 Assigned")
		w.expectHeld("pool-1", "a")
		w.dropPod("other", "web-0")
		w.wait(time.Minute)
		w.expectHeld("pool-1", "")
		w.expectHeld("elsewhere-pool-0", "a")
	})
}

// What a node that is lost needed is forgotten, and taken off the scale set it belonged to.
func TestALostNodeLeavesNothingBehind(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p0", "a", "pool-0")
		w.start("p1", "b", "pool-1")
		w.start("p2", "a", "vm")
		w.lead()
		w.wait(time.Minute)
		w.dropNode("pool-0")
		w.dropNode("vm")
		w.wait(5 * time.Second)
		w.expect("p1 b pool-1 Assigned")
		w.wait(11 * time.Minute)
		w.expectHeld("pool-1", "b")
		w.expectHeld("vm", "")
	})
}

func TestNodesThatAreNoMachines(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.node("bare", "")
		w.node("foreign", "aws:///eu-west-1a/i-1")
		w.start("p0", "a", "bare")
		w.start("p1", "a", "foreign")
		w.start("p2", "a", "nowhere")
		w.start("p3", "a", "pool-0")
		w.lead()
		w.wait(time.Minute)
		w.expect("p0 a bare Created; p1 a foreign Created; p3 a pool-0 Assigned")
		events := strings.Join(w.told(), "\n")
		for _, want := range []string{"AzureAssignedIdentity default/p0-team-a warning=true binding apply error", "AzureAssignedIdentity default/p1-team-a",
			"the cluster does not have the node of pod team/p2"} {
			if !strings.Contains(events, want) {
				t.Errorf("no event %q in\n%s", want, events)
			}
		}
		if got := w.condition("Pod team/p2"); !strings.HasPrefix(got, "False NodeUnknown") {
			t.Errorf("the pod says %q", got)
		}
	})
}

func TestServicePrincipalsNeedNoMachine(t *testing.T) {
	bubble(t, func(w *world) {
		for i, kind := range []aadpodidentity.Type{aadpodidentity.ServicePrincipal, aadpodidentity.ServicePrincipalCertificate} {
			name := fmt.Sprint("sp", i)
			w.putIdentity(aadpodidentity.Identity{Meta: aadpodidentity.Meta{Namespace: "team", Name: name}, Type: kind, ClientID: "app", TenantID: "t"})
			w.putBinding("team", name, name, name)
			w.start(name, name, "pool-0")
		}
		w.lead()
		w.wait(time.Second)
		w.expect("sp0 sp0 pool-0 Assigned; sp1 sp1 pool-0 Assigned")
		if len(w.azure.log) != 0 {
			t.Errorf("asked Azure: %v", w.azure.log)
		}
	})
}

func TestEagerIdentitiesAreThereBeforeThePod(t *testing.T) {
	bubble(t, func(w *world) {
		w.configure = func(c *mic.Config) { c.Eager = true }
		w.use("a")
		w.lead()
		w.wait(time.Minute)
		for _, node := range []string{"pool-0", "elsewhere-pool-0", "vm"} {
			w.expectHeld(node, "a")
		}
		w.start("p", "a", "vm")
		w.wait(150 * time.Millisecond)
		w.expect("p a vm Assigned")
	})
}

func TestFourHundredPodsOnAnAttachedIdentity(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		w.start("first", "a", "pool-0")
		w.latency = 20 * time.Millisecond
		w.lead()
		w.wait(time.Minute)
		w.azure.forget()
		for i := range 400 {
			w.start(fmt.Sprint("p", i), "a", "pool-1")
		}
		began := time.Now()
		for strings.Count(w.says(), "Assigned") < 401 && time.Since(began) < time.Minute {
			w.wait(10 * time.Millisecond)
		}
		t.Logf("400 pods Assigned after %v, with %d writes at a time", time.Since(began), w.most)
		if took := time.Since(began); took > time.Second || w.most > 20 || len(w.azure.log) != 0 {
			t.Errorf("%v, %d at a time, %v", took, w.most, w.azure.log)
		}
	})
}
