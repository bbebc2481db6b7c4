package e2e

import (
	"net/http"
	"strings"
	"testing"

	"strongroom/e2e/azure"
)

// On the machine pod identity answers for what it put there, and for nothing else: what is taken off by hand while a pod
// needs it comes back, and what others put there, the immutable and the machine's own stay. One identity that Azure refuses
// keeps no other from anybody, and is told with the command that mends it.
func TestTheMachineHasWhatPodsNeedAndWhatOthersPutThere(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns := PodSpace(t)
	mine, foreign, immutable := Azure().Managed(t), Azure().Managed(t), Azure().Immutable()
	Azure().Assign(t, foreign)
	before := Azure().Machine(t)
	absent := azure.Identity{Name: "absent", ClientID: "7f3d2a5e-0000-4000-8000-000000000001", ResourceID: azure.ResourceID(azure.Unique("absent"))}
	Bind(t, ns, mine, ns)
	Bind(t, ns, immutable, ns+"-immutable")
	Bind(t, ns, foreign, ns+"-foreign")
	for pod, selector := range map[string]string{"web": ns, "kept": ns + "-immutable", "shared": ns + "-foreign"} {
		Run(t, Pod(ns, pod, Of(CurlImage), Labelled(BoundBy, selector)))
	}
	AwaitToken(t, ns, "web", "", mine.ObjectID)
	AwaitToken(t, ns, "kept", "", Azure().ObjectID(t, immutable))
	AwaitToken(t, ns, "shared", "", foreign.ObjectID)

	t.Log("an identity that does not exist is bound as well")
	Bind(t, ns, absent, ns)
	AwaitEvent(t, ns, absent.Name, "binding apply error", "az role assignment create", strings.ToLower(absent.ResourceID))
	AwaitToken(t, ns, "web", "&bypass_cache=true&client_id="+mine.ClientID, mine.ObjectID)
	AwaitRefusal(t, ns, "web", "&client_id="+absent.ClientID, http.StatusServiceUnavailable, "is not assigned to the node's machine yet")

	t.Log("the identity is taken off by hand")
	mark := Azure().Mark(t)
	Azure().Unassign(t, mine)
	AwaitMachine(t, "the identity is back", func(m azure.Machine) bool { return m.Has(mine) })
	AwaitToken(t, ns, "web", "&bypass_cache=true&client_id="+mine.ClientID, mine.ObjectID)
	if got := mark.Since(t, azure.Kind("vmss-patch")); len(got) < 2 {
		t.Errorf("%d updates of the scale set: nobody put it back", len(got))
	}

	t.Log("the pods go")
	Azure().Unassign(t, mine) // what is not there can be given up as well
	for _, pod := range []string{"web", "kept", "shared"} {
		Remove(t, ns, pod)
		AwaitAssigned(t, ns, pod)
	}
	AwaitMachine(t, "the machine is as before", func(m azure.Machine) bool { return !m.Has(mine) && m.Has(foreign) && m.Has(immutable) })
	// What would be taken off by mistake would be within a delay and a look at the machine.
	AwaitUntouched(t, foreign, immutable)
	after := Azure().Machine(t)
	if after.PrincipalID != before.PrincipalID || after.TenantID != before.TenantID || before.PrincipalID == "" {
		t.Errorf("the machine's own identity is %s of %s, was %s of %s", after.PrincipalID, after.TenantID, before.PrincipalID, before.TenantID)
	}
}

// AwaitUntouched lets MIC put a new identity on the machine and take it off again, and fails the test if one of the given
// went with it.
func AwaitUntouched(t *testing.T, stay ...azure.Identity) {
	t.Helper()
	ns := PodSpace(t)
	passing := Azure().Managed(t)
	Bind(t, ns, passing, ns)
	Run(t, Pod(ns, "passing", Labelled(BoundBy, ns)))
	AwaitAssigned(t, ns, "passing", passing.Name)
	Remove(t, ns, "passing")
	AwaitMachine(t, "the passing identity is off the machine", func(m azure.Machine) bool { return !m.Has(passing) })
	machine := Azure().Machine(t)
	for _, id := range stay {
		if !machine.Has(id) {
			t.Errorf("%s was taken off", id.Name)
		}
	}
}
