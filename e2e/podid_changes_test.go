package e2e

import (
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// Whatever is changed, identity, binding, label or pod, a pod has exactly what is written now: it gets tokens of that and
// is refused the rest, and what nobody needs leaves the machine.
func TestPodsHaveTheIdentitiesThatAreWrittenNow(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns := PodSpace(t)
	a, b, c, d := Azure().Managed(t), Azure().Managed(t), Azure().Managed(t), Azure().Managed(t)
	Bind(t, ns, a, ns)
	Bind(t, ns, b, ns)
	Bind(t, ns, d, ns+"-other")
	Run(t, Pod(ns, "web", Of(CurlImage), Labelled(BoundBy, ns)))

	AwaitAssigned(t, ns, "web", a.Name, b.Name)
	has(t, ns, a)
	has(t, ns, b)
	lacks(t, ns, c)

	t.Log("identity a is edited to be c")
	Bind(t, ns, azure.Identity{Name: a.Name, ClientID: c.ClientID, ResourceID: c.ResourceID}, ns)
	has(t, ns, c)
	lacks(t, ns, a)
	has(t, ns, b)
	AwaitAssigned(t, ns, "web", a.Name, b.Name)

	t.Log("the binding of b is deleted")
	Unbind(t, ns, b.Name)
	AwaitAssigned(t, ns, "web", a.Name)
	lacks(t, ns, b)
	has(t, ns, c)

	t.Log("the label is changed to d's")
	Kubectl(t, "label", "--overwrite", "pod", "web", "--namespace", ns, BoundBy+"="+ns+"-other")
	AwaitAssigned(t, ns, "web", d.Name)
	has(t, ns, d)
	lacks(t, ns, c)
	AwaitMachine(t, "c and b are off the machine", func(m azure.Machine) bool { return m.Has(d) && !m.Has(b) && !m.Has(c) && !m.Has(a) })

	t.Log("another pod has d, and the first one is deleted")
	Run(t, Pod(ns, "second", Of(CurlImage), Labelled(BoundBy, ns+"-other")))
	AwaitAssigned(t, ns, "second", d.Name)
	Remove(t, ns, "web")
	AwaitAssigned(t, ns, "web")
	AwaitToken(t, ns, "second", "&bypass_cache=true", d.ObjectID)

	t.Log("identity d is deleted")
	if err := objects.Resource(PodIdentities).Namespace(ns).Delete(t.Context(), d.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	AwaitAssigned(t, ns, "second")
	AwaitRefusal(t, ns, "second", "", http.StatusNotFound, "names AzureIdentity", d.Name, "does not exist")
	AwaitMachine(t, "d is off the machine", func(m azure.Machine) bool { return !m.Has(d) })
}

// has waits until the pod web gets a token of an identity by either of its names.
func has(t *testing.T, ns string, id azure.Identity) {
	t.Helper()
	AwaitToken(t, ns, "web", "&bypass_cache=true&client_id="+id.ClientID, id.ObjectID)
	AwaitToken(t, ns, "web", "&msi_res_id="+id.ResourceID, id.ObjectID)
}

// lacks waits until the pod web is refused an identity.
func lacks(t *testing.T, ns string, id azure.Identity) {
	t.Helper()
	AwaitRefusal(t, ns, "web", "&client_id="+id.ClientID, http.StatusNotFound, "no azure identity of this pod")
	AwaitRefusal(t, ns, "web", "&msi_res_id="+id.ResourceID, http.StatusNotFound, "no azure identity of this pod")
}

// An init container has its token before anything else of the pod runs. A pod that an exception names gets what the
// machine's metadata service says, without label or binding; the same pod elsewhere does not.
func TestInitContainersAndExceptions(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns, elsewhere := PodSpace(t), Namespace(t)
	id := Azure().Managed(t)
	Bind(t, ns, id, ns)
	Run(t, Pod(ns, "eager", Of(CurlImage), Labelled(BoundBy, ns), func(p *corev1.PodTemplateSpec) {
		p.Spec.InitContainers = []corev1.Container{{
			Name: "first", Image: CurlImage, ImagePullPolicy: corev1.PullNever,
			Command: []string{"curl", "--silent", "--show-error", "--fail", "--max-time", "100", "--output", "/dev/null",
				"--header", "Metadata: true", metadataService + tokenPath},
		}}
	}))
	Apply(t, `{apiVersion: aadpodidentity.k8s.io/v1, kind: AzurePodIdentityException, metadata: {namespace: `+ns+`, name: trusted}, spec: {podLabels: {role: trusted}}}`)
	machine := Azure().Machine(t).PrincipalID
	for _, space := range []string{ns, elsewhere} {
		Run(t, Pod(space, "trusted", Of(CurlImage), Labelled("role", "trusted")))
	}
	AwaitToken(t, ns, "trusted", "", machine)
	AwaitRefusal(t, elsewhere, "trusted", "", http.StatusNotFound, "the pod has no label")
	if got := AskMetadata(t, ns, "trusted", tokenPath+"&client_id=00000000-0000-4000-8000-00000000dead"); got.status != http.StatusBadRequest {
		t.Errorf("an identity that IMDS does not know: %s", got) // its own answer, passed on
	}
}
