package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"strongroom/e2e/azure"
)

// twin is a namespace with an identity, a binding and a pod that are called the same as those of the other one. Their
// selector is the same, too.
type twin struct {
	ns string
	id azure.Identity
}

func twins(t *testing.T) (first, second twin, selector string) {
	t.Helper()
	selector = azure.Unique("shared")
	list := make([]twin, 2)
	for i := range list {
		list[i] = twin{PodSpace(t), Azure().Managed(t)}
		shared := list[i].id
		shared.Name = "same"
		Bind(t, list[i].ns, shared, selector)
	}
	if list[0].ns > list[1].ns {
		list[0], list[1] = list[1], list[0]
	}
	for _, own := range list {
		Run(t, Pod(own.ns, "web", Of(CurlImage), Labelled(BoundBy, selector)))
	}
	return list[0], list[1], selector
}

// gets looks at all ways to ask for a twin's identity, and at what is had without a name.
func (w twin) gets(t *testing.T, id, unnamed azure.Identity) {
	t.Helper()
	AwaitToken(t, w.ns, "web", "&bypass_cache=true&client_id="+id.ClientID, id.ObjectID)
	AwaitToken(t, w.ns, "web", "&msi_res_id="+url.QueryEscape(id.ResourceID), id.ObjectID)
	AwaitToken(t, w.ns, "web", "&object_id="+id.ObjectID, id.ObjectID)
	AwaitToken(t, w.ns, "web", "", unnamed.ObjectID)
}

// lacks waits until a twin's pod is refused an identity, by all names.
func (w twin) lacks(t *testing.T, id azure.Identity, status int, words ...string) {
	t.Helper()
	for _, query := range []string{"&client_id=" + id.ClientID, "&msi_res_id=" + url.QueryEscape(id.ResourceID)} {
		AwaitRefusal(t, w.ns, "web", query, status, words...)
	}
	if got := AskMetadata(t, w.ns, "web", tokenPath+"&object_id="+id.ObjectID); got.status == http.StatusOK {
		t.Errorf("by object id %s gets %s", w.ns, got)
	}
}

// Identities of one name in two namespaces, bound by one selector, are two: a binding reaches the pods of both namespaces,
// and each pod gets the identity that it names. One that is annotated keeps to its namespace, and the other is not touched.
func TestIdentitiesOfOneNameAreToldApart(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	first, second, _ := twins(t)
	for _, w := range []twin{first, second} {
		AwaitAssigned(t, w.ns, "web", "same", "same")
		w.gets(t, first.id, first.id)
		w.gets(t, second.id, first.id) // the first by namespace and name
	}

	t.Log("the first is kept to its namespace")
	Kubectl(t, "annotate", "azureidentity", "same", "--namespace", first.ns, "aadpodidentity.k8s.io/Behavior=namespaced")
	AwaitAssigned(t, second.ns, "web", "same")
	second.lacks(t, first.id, http.StatusNotFound, "no azure identity of this pod")
	second.gets(t, second.id, second.id)
	AwaitAssigned(t, first.ns, "web", "same", "same")
	first.gets(t, first.id, first.id)
	first.gets(t, second.id, first.id)

	t.Log("the binding of the second is deleted")
	Unbind(t, second.ns, "same")
	AwaitAssigned(t, second.ns, "web")
	const keeps = "keeps to pods of its own namespace" // nothing else is left that its label would select
	second.lacks(t, second.id, http.StatusForbidden, keeps)
	second.lacks(t, first.id, http.StatusForbidden, keeps)
	first.lacks(t, second.id, http.StatusNotFound, "no azure identity of this pod")
	first.gets(t, first.id, first.id)
}

// In namespaced mode each pod has its own namespace's identity, whatever is called the same elsewhere, and a namespace
// without a binding has none.
func TestInNamespacedModeNothingReachesAnotherNamespace(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentityAlone(t, "podIdentity: {forceNamespaced: true}")
	first, second, selector := twins(t)
	bare := PodSpace(t)
	Run(t, Pod(bare, "web", Of(CurlImage), Labelled(BoundBy, selector)))
	for _, w := range []twin{first, second} {
		AwaitAssigned(t, w.ns, "web", "same")
		w.gets(t, w.id, w.id)
	}
	first.lacks(t, second.id, http.StatusNotFound)
	second.lacks(t, first.id, http.StatusNotFound)
	AwaitRefusal(t, bare, "web", "", http.StatusNotFound, "no AzureIdentityBinding of namespace "+bare)
	AwaitRefusal(t, bare, "web", "&client_id="+first.id.ClientID, http.StatusNotFound)
	// So whoever may edit a namespace may bind what is there.
	people(t, bare, "edit")
	rules := slices.DeleteFunc(grantsOf(identityEditor, roleOf(t, identityEditor)), func(g grant) bool { return g.verb != "create" })
	awaitPerson(t, "edit-"+bare, bare, rules, true)

	t.Log("the first takes its binding back")
	Unbind(t, first.ns, "same")
	AwaitAssigned(t, first.ns, "web")
	first.lacks(t, first.id, http.StatusNotFound)
	first.lacks(t, second.id, http.StatusNotFound)
	second.gets(t, second.id, second.id)
}
