package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// Many pods of one machine cost it fewer updates than they have identities: on an idle node one or two. The end of MIC's leader in the middle of an
// update delays the rest and loses none; identities that are taken away one after the other take nothing from others.
func TestManyPodsShareFewUpdatesOfTheMachine(t *testing.T) {
	longForm(t)
	t.Parallel()
	// A look at the machine would count among the requests, and every refusal here is waited for.
	PodIdentityAlone(t, `podIdentity: {mic: {identityAssignmentReconcileInterval: 20m}, nmi: {findIdentityRetryIntervalInSeconds: 1}}`)
	ns := PodSpace(t)
	const pods = 40
	var ids []azure.Identity
	for range 5 {
		id := Azure().Managed(t)
		Bind(t, ns, id, id.Name)
		ids = append(ids, id)
	}
	name := func(n int) string { return fmt.Sprintf("pod-%02d", n) }
	of := func(n int) azure.Identity { return ids[n%len(ids)] }
	mark, began := Azure().Mark(t), time.Now()
	for n := range pods {
		Create(t, Pod(ns, name(n), Of(CurlImage), Labelled(BoundBy, of(n).Name)))
	}
	created := time.Since(began)
	var every []string
	for n := range pods {
		every = append(every, of(n).Name)
	}
	if err := awaitAssignments(Within(t, patience), func(a assignment) bool { return a.namespace == ns }, every); err != nil {
		t.Fatal(err)
	}
	assigned := time.Since(began)
	updates, reads, logins := mark.Since(t, azure.Kind("vmss-patch")), mark.Since(t, azure.Kind("vmss-get")), mark.Since(t, azure.Kind("token"))
	for n := range pods {
		AwaitReady(t, ns, name(n))
		AwaitToken(t, ns, name(n), "", of(n).ObjectID)
	}
	t.Logf("%d pods over %d identities: created in %.1f s, all assigned %.1f s after the first, all answered after %.1f s; %d PATCH, %d GET, %d logins",
		pods, len(ids), created.Seconds(), assigned.Seconds(), time.Since(began).Seconds(), len(updates), len(reads), len(logins))
	// How many there are beyond the first depends on how long the pods take to come, because each wave of them is a change
	// that may have to be read for; other tests log in as well.
	waves := int(created / (5 * time.Second))
	if len(updates) >= len(ids) || len(reads) > len(updates)+1+waves {
		t.Error("these are more requests than a few")
	}

	t.Log("the leader is killed while the machine is updated")
	late := Azure().Managed(t)
	Bind(t, ns, late, late.Name)
	mark = Azure().Mark(t)
	Create(t, Pod(ns, "late", Of(CurlImage), Labelled(BoundBy, late.Name)))
	Eventually(t, "an update of the machine", func() error {
		if len(mark.Since(t, azure.Kind("vmss-patch"))) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	KillPod(t, systemNamespace, Leader(t))
	AwaitAssigned(t, ns, "late", late.Name)
	AwaitReady(t, ns, "late")
	AwaitToken(t, ns, "late", "", late.ObjectID)

	t.Log("the identities are taken away in any order")
	order := rand.Perm(len(ids))
	for i, gone := range order {
		if err := objects.Resource(PodIdentities).Namespace(ns).Delete(t.Context(), ids[gone].Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		for n := gone; n < pods; n += len(ids) {
			AwaitAssigned(t, ns, name(n))
		}
		AwaitMachine(t, "the identity is off the machine", func(m azure.Machine) bool { return !m.Has(ids[gone]) })
		AwaitRefusal(t, ns, name(gone), "&client_id="+ids[gone].ClientID, http.StatusNotFound, "names AzureIdentity", ids[gone].Name, "does not exist")
		for n := range ids {
			if !slices.Contains(order[:i+1], n) {
				AwaitToken(t, ns, name(n), "&bypass_cache=true", ids[n].ObjectID)
			}
		}
	}
	AwaitToken(t, ns, "late", "&bypass_cache=true", late.ObjectID)
}
