package kube

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

// assignedTo is one pod's.
func assignedTo(node, pod string) aadpodidentity.AssignedIdentity {
	return aadpodidentity.AssignedIdentity{
		Meta: aadpodidentity.Meta{
			Namespace: "default", Name: pod + "-shop-reader", Labels: map[string]string{aadpodidentity.LabelNode: node}, Finalizers: []string{aadpodidentity.Finalizer},
		},
		Identity: aadpodidentity.Identity{
			Meta:       aadpodidentity.Meta{Namespace: "shop", Name: "reader", UID: "i1", ResourceVersion: "12"},
			ResourceID: "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n", ClientID: "c",
		},
		Binding: aadpodidentity.Binding{Meta: aadpodidentity.Meta{Namespace: "shop", Name: "b", UID: "b1", ResourceVersion: "13"}, AzureIdentity: "reader", Selector: "vault"},
		Pod:     pod, PodNamespace: "shop", Node: node, State: aadpodidentity.Created,
	}
}

// assignedWorld watches those of node n1, or of all nodes.
type assignedWorld struct {
	*world
	all   *AssignedIdentities
	heard <-chan struct{}
	told  chan string
}

func newAssignedWorld(t *testing.T, node string) *assignedWorld {
	t.Helper()
	w := &assignedWorld{world: newWorld(t), told: make(chan string, 10000)}
	w.all = w.client.AssignedIdentities(node)
	w.heard = news(w.all.watch)
	w.all.OnChange(func(namespace, pod string) { w.told <- namespace + "/" + pod })
	return w
}

func (w *assignedWorld) create(t *testing.T, a aadpodidentity.AssignedIdentity) aadpodidentity.AssignedIdentity {
	t.Helper()
	made, err := w.all.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestAssignedIdentitiesAreReadWithoutAWatch(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "")
	for i := range manyPage + 3 {
		w.create(t, assignedTo("n1", fmt.Sprintf("web-%d", i)))
	}
	before := len(w.Calls())
	list, err := w.all.Read(t.Context())
	if err != nil || len(list) != manyPage+3 {
		t.Fatalf("%d were read, %v", len(list), err)
	}
	for _, a := range list {
		if a.UID == "" || len(a.Finalizers) != 1 {
			t.Fatalf("one is without what its deletion needs: %+v", a.Meta)
		}
	}
	for _, c := range w.Calls()[before:] {
		if c.Verb != "list" {
			t.Errorf("a %s was made", c.Verb)
		}
	}
	w.Fail(kubefake.Fault{Status: http.StatusForbidden})
	if _, err := w.all.Read(t.Context()); fault.KindOf(err) != fault.Denied {
		t.Errorf("%v", err)
	}
}

func TestAnAssignedIdentityComesBackAsItWasMade(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "")
	want := assignedTo("n1", "web-0")
	made := w.create(t, want)
	if made.UID == "" || made.ResourceVersion == "" {
		t.Error("without its state")
	}
	if _, err := w.all.Create(t.Context(), want); fault.KindOf(err) != fault.Busy {
		t.Errorf("made twice: %v", err)
	}
	running(t, w.all.Run)
	next(t, w.heard)
	want.UID, want.ResourceVersion = made.UID, made.ResourceVersion
	for what, list := range map[string][]aadpodidentity.AssignedIdentity{"made": {made}, "listed": copied(w.all.List()), "its pod's": w.all.Of("shop", "web-0")} {
		if diff := cmp.Diff([]aadpodidentity.AssignedIdentity{want}, list); diff != "" {
			t.Error(what, diff)
		}
	}
	if len(w.all.Of("shop", "web")) != 0 || len(w.all.Of("default", "web-0")) != 0 {
		t.Error("another pod has it too")
	}
}

func TestAnAssignedIdentityIsReplacedInTheStateItWasSeenIn(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "")
	a := w.create(t, assignedTo("n1", "web-0"))
	a.Node, a.Labels = "n2", map[string]string{aadpodidentity.LabelNode: "n2"}
	moved, err := w.all.Replace(t.Context(), a)
	if err != nil || moved.Node != "n2" || moved.ResourceVersion == a.ResourceVersion {
		t.Fatal(moved, err)
	}
	if _, err := w.all.Replace(t.Context(), a); fault.KindOf(err) != fault.Busy {
		t.Errorf("an old state: %v", err)
	}
	if err := w.all.Delete(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	if _, err := w.all.Replace(t.Context(), moved); fault.KindOf(err) != fault.NotFound {
		t.Errorf("gone: %v", err)
	}
}

func TestAStateIsSetAloneAndOnTheRightOne(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "")
	a := w.create(t, assignedTo("n1", "web-0"))
	state := func(name string) any {
		o, _ := w.Get("azureassignedidentities", "default", name)
		s, _ := o["status"].(kubefake.Object)
		return s["status"]
	}
	for _, s := range []aadpodidentity.State{aadpodidentity.Assigned, aadpodidentity.Unassigned} { // by the same copy, though its version is old then
		if err := w.all.SetState(t.Context(), a, s); err != nil || state(a.Name) != string(s) {
			t.Errorf("%s: %v %v", s, state(a.Name), err)
		}
	}
	another := a
	another.UID = "u0"
	if err := w.all.SetState(t.Context(), another, aadpodidentity.Created); fault.KindOf(err) != fault.Busy || state(a.Name) != "Unassigned" {
		t.Errorf("another one: %v %v", state(a.Name), err)
	}
	another.Name = "none"
	if err := w.all.SetState(t.Context(), another, aadpodidentity.Created); fault.KindOf(err) != fault.NotFound {
		t.Errorf("none: %v", err)
	}
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: default, name: old, uid: u9}, spec: {pod: p}}`)
	if err := w.all.SetState(t.Context(), aadpodidentity.AssignedIdentity{Meta: aadpodidentity.Meta{Namespace: "default", Name: "old", UID: "u9"}}, aadpodidentity.Assigned); err != nil || state("old") != "Assigned" {
		t.Errorf("one without a status: %v %v", state("old"), err)
	}
}

func TestADeletionTakesAsFewWritesAsItCan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		finalizers []string
		before     func(*world, aadpodidentity.AssignedIdentity)
		fresh      bool // it is seen as it stands then
		marked     bool // it is known to be on its way out, and no more
		calls      string
		stays      []any
	}{
		"with its finalizer":   {finalizers: finalized, calls: "delete patch"},
		"without one":          {calls: "delete"},
		"with another's alone": {finalizers: []string{"x"}, calls: "delete", stays: []any{"x"}},
		"with another's too":   {finalizers: []string{"x", aadpodidentity.Finalizer}, calls: "delete patch", stays: []any{"x"}},
		"when it is gone":      {finalizers: finalized, before: func(w *world, a aadpodidentity.AssignedIdentity) { w.take(a) }, calls: "delete"},
		"when it is asked for": {
			finalizers: finalized, calls: "patch",
			before: func(w *world, a aadpodidentity.AssignedIdentity) {
				w.Delete("azureassignedidentities", a.Namespace, a.Name)
			},
			fresh: true,
		},
		"when it changed since it was seen": {
			finalizers: finalized, calls: "patch get patch",
			before: func(w *world, a aadpodidentity.AssignedIdentity) {
				w.Delete("azureassignedidentities", a.Namespace, a.Name)
			},
			marked: true,
		},
		"when others are faster once": {
			finalizers: finalized, calls: "delete patch get patch",
			before: func(w *world, _ aadpodidentity.AssignedIdentity) {
				w.Fail(kubefake.Fault{Verb: "patch", Times: 1, Status: http.StatusConflict})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAssignedWorld(t, "")
			a := assignedTo("n1", "web-0")
			a.Finalizers = test.finalizers
			a = w.create(t, a)
			if test.before != nil {
				test.before(w.world, a)
			}
			if test.fresh {
				var err error
				if a, err = w.all.read(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			a.Deleting = a.Deleting || test.marked
			w.ForgetCalls()
			if err := w.all.Delete(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			var verbs []string
			for _, c := range w.Calls() {
				verbs = append(verbs, c.Verb)
			}
			if got := strings.Join(verbs, " "); got != test.calls {
				t.Errorf("calls: %s, want %s", got, test.calls)
			}
			left, stands := w.Get("azureassignedidentities", a.Namespace, a.Name)
			if stands != (test.stays != nil) {
				t.Fatalf("stands: %v", left)
			}
			if stands && !cmp.Equal(left["metadata"].(kubefake.Object)["finalizers"], any(test.stays)) {
				t.Errorf("left: %v", left["metadata"])
			}
		})
	}
}

// take makes an object go, whatever keeps it.
func (w *world) take(a aadpodidentity.AssignedIdentity) {
	w.Put(fmt.Sprintf(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: %s, name: %s}}`, a.Namespace, a.Name))
	w.Delete("azureassignedidentities", a.Namespace, a.Name)
}

func TestADeletionLeavesAnotherOfThatNameAlone(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "")
	a := w.create(t, assignedTo("n1", "web-0"))
	w.take(a)
	second := w.create(t, assignedTo("n1", "web-0"))
	deleting := a
	deleting.Deleting = true
	for what, old := range map[string]aadpodidentity.AssignedIdentity{"as it was": a, "on its way out": deleting} {
		if err := w.all.Delete(t.Context(), old); err != nil {
			t.Error(what, err)
		}
		o, found := w.Get("azureassignedidentities", "default", a.Name)
		if m, _ := o["metadata"].(kubefake.Object); !found || m["uid"] != second.UID || m["deletionTimestamp"] != nil || m["finalizers"] == nil {
			t.Errorf("%s: %v", what, o)
		}
	}
}

func TestADeletionThatCannotBeIsNoSuccess(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "")
	a := w.create(t, assignedTo("n1", "web-0"))
	w.Fail(kubefake.Fault{Verb: "patch", Status: http.StatusConflict})
	if err := w.all.Delete(t.Context(), a); fault.KindOf(err) != fault.Busy {
		t.Errorf("written to all the time: %v", err)
	}
	w.Heal()
	for _, verb := range []string{"patch", "delete"} {
		w.Deny(verb, "azureassignedidentities")
		b := w.create(t, assignedTo("n1", verb))
		err := w.all.Delete(t.Context(), b)
		if text := fault.Explain(err); fault.KindOf(err) != fault.Denied || !strings.Contains(text, "kubectl auth can-i "+verb+" azureassignedidentities.aadpodidentity.k8s.io -n default") {
			t.Errorf("%s: %v", verb, text)
		}
		w.Heal()
	}
	w.Undefine("azureassignedidentities")
	if err := w.all.Delete(t.Context(), a); fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Explain(err), "crds --pod-identity --apply") {
		t.Errorf("no definition: %v", err)
	}
}

func TestChangesOfAssignmentsAreToldByPod(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "n1")
	running(t, w.all.Run)
	w.opened(t, "azureassignedidentities")
	a := w.create(t, assignedTo("n1", "web-0"))
	w.create(t, assignedTo("n2", "web-1"))
	expect := func(what string, want ...string) {
		t.Helper()
		next(t, w.heard)
		for _, pod := range want {
			if got := next(t, w.told); got != pod {
				t.Errorf("%s: %s", what, got)
			}
		}
		silent(t, w.told)
	}
	expect("new", "shop/web-0")
	if err := w.all.SetState(t.Context(), a, aadpodidentity.Assigned); err != nil {
		t.Fatal(err)
	}
	expect("assigned", "shop/web-0")
	if of := w.all.Of("shop", "web-0"); len(of) != 1 || of[0].State != aadpodidentity.Assigned {
		t.Errorf("%+v", of)
	}
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: default, name: x, uid: u1, labels: {nodename: n1}}, spec: {pod: a, podNamespace: shop}}`)
	expect("another", "shop/a")
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: default, name: x, uid: u1, generation: 5, labels: {nodename: n1}, managedFields: [{manager: m}]}, spec: {pod: a, podNamespace: shop, weight: 1}}`)
	expect("nothing that matters")
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: default, name: x, uid: u1, labels: {nodename: n1}}, spec: {pod: b, podNamespace: shop}}`)
	expect("of another pod", "shop/a", "shop/b")
	if len(w.all.Of("shop", "a")) != 0 || len(w.all.Of("shop", "b")) != 1 {
		t.Error("the index has not followed")
	}
	if err := w.all.Delete(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"on its way out", "gone"} { // one right after the other
		next(t, w.heard)
		if got := next(t, w.told); got != "shop/web-0" {
			t.Errorf("%s: %s", what, got)
		}
	}
	if len(w.all.Of("shop", "web-0")) != 0 || len(w.all.List()) != 1 {
		t.Errorf("%+v", w.all.List())
	}
}

func TestAssignmentsAreRightAgainAfterALostWatch(t *testing.T) {
	t.Parallel()
	w := newAssignedWorld(t, "")
	kept, gone := w.create(t, assignedTo("n1", "kept")), w.create(t, assignedTo("n1", "gone"))
	running(t, w.all.Run)
	w.opened(t, "azureassignedidentities")
	next(t, w.told)
	next(t, w.told)
	if !w.all.Synced() || !w.all.Heard(0) {
		t.Error("not live")
	}
	w.Stop()
	w.take(gone)
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: default, name: ` + gone.Name + `, uid: u2}, spec: {pod: gone, podNamespace: shop}, status: {status: Assigned}}`)
	w.Expire()
	if of := w.all.Of("shop", "gone"); len(of) != 1 || of[0].UID != gone.UID {
		t.Errorf("while nothing is heard: %+v", of)
	}
	resume(t, w.world)
	got := []string{next(t, w.told), next(t, w.told)}
	if !slices.Equal(got, []string{"shop/gone", "shop/gone"}) {
		t.Errorf("told: %v", got)
	}
	w.opened(t, "azureassignedidentities")
	silent(t, w.told)
	if of := w.all.Of("shop", "gone"); len(of) != 1 || of[0].UID != "u2" || len(w.all.Of("shop", "kept")) != 1 || w.all.Of("shop", "kept")[0].UID != kept.UID {
		t.Errorf("%+v", of)
	}
}

// Not in parallel: it measures the heap.
func TestWatchedAssignmentsAreSmall(t *testing.T) {
	const many = 90
	w := newAssignedWorld(t, "")
	ballast := strings.Repeat("y", 20<<10)
	for i := range many {
		w.Put(fmt.Sprintf(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity,
			metadata: {namespace: default, name: web-%d-shop-reader, uid: a0000000-0000-4000-8000-%012d, labels: {nodename: n1}, finalizers: [%s], managedFields: [{manager: %s}]},
			spec: {pod: web-%d, podNamespace: shop, nodename: n1,
				azureIdentityRef: {metadata: {namespace: shop, name: reader, uid: i, resourceVersion: "1", annotations: {a: %s}}, spec: {resourceID: %s, clientID: c}}},
			status: {status: Assigned}}`, i, i, aadpodidentity.Finalizer, ballast, i, ballast, strings.Repeat("r", 150)))
	}
	before := heap()
	running(t, w.all.Run)
	for range many {
		next(t, w.heard)
	}
	w.opened(t, "azureassignedidentities")
	w.client.Close()
	if grown := heap() - before; grown > many*3<<10 {
		t.Errorf("%d keep %d bytes each", many, grown/many)
	} else {
		t.Logf("%d keep %d bytes each", many, grown/many)
	}
	runtime.KeepAlive(w)
}
