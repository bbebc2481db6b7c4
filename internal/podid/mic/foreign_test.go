package mic_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	emulator "strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/podid/mic"
)

// owned makes a virtual machine that has a system-assigned identity and others before anybody asks.
func (w *world) owned(name string, system bool, users ...string) (h emulator.Holding) {
	w.t.Helper()
	if system {
		made, err := w.azure.directory.AddIdentity(entra.Identity{Name: name, ResourceID: subscription + "/system/" + name, SystemAssigned: true})
		if err != nil {
			w.t.Fatal(err)
		}
		p, _ := w.azure.directory.Find(made.ObjectID)
		h.System = &p
	}
	for _, user := range users {
		p, known := w.azure.directory.Find(idOf(user))
		if !known {
			p = w.azure.identity(user)
		}
		h.User = append(h.User, p)
	}
	w.azure.add(emulator.Resource{Kind: emulator.VirtualMachine, Name: name, Nodes: []string{name}, Holding: h})
	w.node(name, machineID(name, "virtualMachines"))
	return h
}

// What was there before stays, with the principal it had, also when a pod used it for a while.
func TestWhatOthersPutThereStays(t *testing.T) {
	bubble(t, func(w *world) {
		w.configure = func(c *mic.Config) { c.DetachDelay = -1 }
		w.use("a", "theirs-and-used")
		before := w.owned("full", true, "theirs", "theirs-and-used")
		w.start("p", "a", "full")
		w.start("q", "theirs-and-used", "full")
		w.lead()
		w.wait(time.Minute)
		w.expectHeld("full", "a system theirs theirs-and-used")
		w.dropPod("team", "p")
		w.dropPod("team", "q")
		w.wait(time.Hour)
		w.expectHeld("full", "system theirs theirs-and-used")
		if after := w.azure.server.Holding("full"); after.System == nil || after.System.ObjectID != before.System.ObjectID || after.System.TenantID != before.System.TenantID {
			t.Error("the system-assigned identity is another")
		}
	})
}

// Who attaches an identity and lets a pod use it at once keeps it, too, however lately MIC has looked at the machine and
// updated it itself.
func TestWhatOthersPutThereJustBeforeItsPodStays(t *testing.T) {
	bubble(t, func(w *world) {
		w.configure = func(c *mic.Config) { c.DetachDelay = -1 }
		w.use("a", "b", "theirs")
		w.lead()
		w.start("p", "a", "pool-0")
		w.wait(updateTime + 2*time.Second)
		body := fmt.Sprintf(`{"identity":{"type":"UserAssigned","userAssignedIdentities":{%q:{}}}}`, idOf("theirs"))
		if code := w.azure.patch(pool, body); code != http.StatusOK {
			t.Fatal(code)
		}
		w.wait(updateTime)
		w.start("q", "b", "pool-0")
		w.wait(updateTime + 2*time.Second)
		w.start("r", "theirs", "pool-0")
		w.wait(updateTime + 2*time.Second)
		w.expect("p a pool-0 Assigned; q b pool-0 Assigned; r theirs pool-0 Assigned")
		for _, pod := range []string{"p", "q", "r"} {
			w.dropPod("team", pod)
		}
		w.wait(time.Hour)
		w.expectHeld("pool-0", "theirs")
	})
}

// A machine with nothing but a system-assigned identity keeps it when ours, the only other one, goes or was gone before.
func TestASystemAssignedIdentityIsNeverStripped(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		before := w.owned("lone", true)
		w.start("p", "a", "lone")
		w.lead()
		w.wait(time.Minute)
		w.expectHeld("lone", "a system")
		if code := w.azure.detach("lone", "SystemAssigned", ""); code != http.StatusOK {
			t.Fatal(code)
		}
		w.wait(updateTime)
		w.azure.forget()
		w.dropPod("team", "p")
		w.wait(time.Hour)
		w.expectHeld("lone", "system")
		w.expect("")
		if after := w.azure.server.Holding("lone"); after.System.ObjectID != before.System.ObjectID || w.azure.calls("PATCH") != 0 {
			t.Errorf("%v", w.azure.log)
		}
	})
}

// detach takes an identity off a machine as its owner might, by hand.
func (a *azure) detach(machine, kind, name string) int {
	body := fmt.Sprintf(`{"identity":{"type":%q}}`, kind)
	if name != "" {
		body = fmt.Sprintf(`{"identity":{"type":%q,"userAssignedIdentities":{%q:null}}}`, kind, idOf(name))
	}
	return a.patch(strings.TrimPrefix(machineID(machine, "virtualMachines"), "azure://"), body)
}

// Immutable identities and the cluster's own are never taken off, however their client ids are spelled, and their objects
// come and go as all others do.
func TestIdentitiesThatAreKept(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("kept", "cluster", "plain")
		kept, _ := w.azure.directory.Find(idOf("kept"))
		own, _ := w.azure.directory.Find(idOf("cluster"))
		w.configure = func(c *mic.Config) {
			c.DetachDelay, c.Immutable, c.ClusterIdentity = -1, []string{" " + strings.ToUpper(kept.ClientID)}, strings.ToUpper(own.ClientID)
		}
		for _, name := range []string{"kept", "cluster", "plain"} {
			w.start(name, name, "pool-0")
		}
		w.lead()
		w.wait(time.Minute)
		w.halt()
		w.lead()
		for _, name := range []string{"kept", "cluster", "plain"} {
			w.dropPod("team", name)
		}
		w.wait(time.Hour)
		w.expect("")
		w.expectHeld("pool-0", "cluster kept")
	})
}

// What is detached by hand while in use is noticed, said, and put back.
func TestWhatIsDetachedByHandComesBack(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p", "a", "vm")
		w.start("q", "b", "vm")
		w.lead()
		w.wait(time.Minute)
		w.azure.detach("vm", "UserAssigned", "a")
		w.wait(19 * time.Minute)
		w.expectHeld("vm", "b")
		w.wait(5 * time.Second)
		w.expect("p a vm Created; q b vm Assigned")
		w.wait(updateTime)
		w.expectHeld("vm", "a b")
		w.expect("p a vm Assigned; q b vm Assigned")
	})
}

func TestAPodGoesAlsoWhenItsIdentityWasDetachedByHand(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p", "a", "vm")
		w.start("q", "b", "vm")
		w.lead()
		w.wait(time.Minute)
		w.azure.detach("vm", "UserAssigned", "a")
		w.wait(updateTime)
		w.dropPod("team", "p")
		w.wait(time.Second)
		w.expect("q b vm Assigned")
	})
}

// An identity that was deleted and made again under its name leaves a dead entry, which is taken off and added again.
func TestAnIdentityMadeAgainIsAttachedAnew(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a", "b")
		w.start("p", "a", "vm")
		w.start("q", "b", "vm")
		w.lead()
		w.wait(time.Minute)
		w.azure.forget()
		w.azure.set(func() {
			w.azure.dead = idOf("a")
			w.azure.watch = func(_, body string) {
				if strings.Contains(strings.ToLower(body), strings.ToLower(`"`+idOf("a")+`":{}`)) {
					w.azure.set(func() { w.azure.dead = "" })
				}
			}
		})
		w.wait(20*time.Minute + 3*updateTime)
		w.expect("p a vm Assigned; q b vm Assigned")
		w.expectHeld("vm", "a b")
		if got := w.azure.calls("PATCH"); got != 2 {
			t.Errorf("%d updates: %v", got, w.azure.log)
		}
	})
}

// An identity that is there because of somebody else's update counts only when that is over.
func TestSomebodyElsesUpdateIsWaitedFor(t *testing.T) {
	bubble(t, func(w *world) {
		w.use("a")
		body := fmt.Sprintf(`{"identity":{"type":"UserAssigned","userAssignedIdentities":{%q:{}}}}`, idOf("a"))
		w.lead()
		if code := w.azure.patch(pool, body); code != http.StatusOK {
			t.Fatal(code)
		}
		w.start("p", "a", "pool-0")
		w.wait(updateTime - time.Second)
		w.expect("p a pool-0 Created")
		w.wait(7 * time.Second)
		w.expect("p a pool-0 Assigned")
		w.dropPod("team", "p")
		w.wait(time.Hour)
		w.expectHeld("pool-0", "a")
	})
}
