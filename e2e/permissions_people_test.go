package e2e

import (
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	restclient "k8s.io/client-go/rest"
)

// Promised: who may view a namespace may look at classes and at what is mounted, and who may edit it may write classes; what
// the driver writes nobody may, and neither may a viewer read a Secret.
func TestWhatPeopleMayInTheirNamespace(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns, other := Namespace(t), Namespace(t)
	people(t, ns, "view", "edit")
	wantAllowed(t, ns, other, []allowed{
		{"view", "secrets-store.csi.x-k8s.io", "secretproviderclasses", reading},
		{"view", "secrets-store.csi.x-k8s.io", "secretproviderclasses/status", nil},
		{"view", "secrets-store.csi.x-k8s.io", "secretproviderclasspodstatuses", reading},
		{"view", "", "secrets", nil},
		{"edit", "secrets-store.csi.x-k8s.io", "secretproviderclasses", writing},
		{"edit", "secrets-store.csi.x-k8s.io", "secretproviderclasses/status", nil},
		{"edit", "secrets-store.csi.x-k8s.io", "secretproviderclasspodstatuses", reading},
		{"edit", "storage.k8s.io", "csidrivers", nil},
		{"edit", "apiextensions.k8s.io", "customresourcedefinitions", nil},
	})
	viewer := impersonated(t, "view-"+ns)
	if _, err := viewer.Resource(Classes).Namespace(ns).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := viewer.Resource(Classes).Namespace(other).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("another namespace's classes: %v", err)
	}
	if err := viewer.Resource(Classes).Namespace(ns).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("deleting all classes: %v", err)
	}
	editor := impersonated(t, "edit-"+ns)
	if err := editor.Resource(PodStatuses).Namespace(ns).Delete(t.Context(), "any", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("deleting what the driver wrote: %v", err)
	}
}

// verbs are all there are; the first three only read, the last takes everything at once.
var (
	verbs            = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	reading, writing = verbs[:3], verbs[:7]
)

// allowed is what somebody with a role may do with a resource of the namespace, and no more.
type allowed struct {
	role, group, resource string
	may                   []string
}

// people gives users of a namespace, each called ROLE-NAMESPACE, a role of the cluster's there, and waits until that counts.
func people(t *testing.T, ns string, roles ...string) {
	t.Helper()
	for _, role := range roles {
		Kubectl(t, "create", "rolebinding", role, "--clusterrole="+role, "--user="+role+"-"+ns, "--namespace", ns)
		awaitPerson(t, role+"-"+ns, ns, []grant{{role, aPod, "list"}}, true)
	}
}

// wantAllowed asks for every verb, in the namespace and in another one, where nobody may do anything.
func wantAllowed(t *testing.T, ns, other string, list []allowed) {
	t.Helper()
	for _, c := range list {
		for _, verb := range verbs {
			for _, space := range []string{ns, other} {
				if got, want := may(t, c.role+"-"+ns, space, c.group, c.resource, verb), space == ns && slices.Contains(c.may, verb); got != want {
					t.Errorf("%s may %s %s in its namespace (%v): %v", c.role, verb, c.resource, space == ns, got)
				}
			}
		}
	}
}

// may asks the API server whether somebody may do something.
func may(t *testing.T, user, namespace, group, resource, verb string) bool {
	t.Helper()
	plural, sub, _ := strings.Cut(resource, "/")
	review, err := cluster.Client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, Groups: []string{"system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: group, Resource: plural, Subresource: sub},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

// impersonated speaks to the API server as somebody else.
func impersonated(t *testing.T, user string) *dynamic.DynamicClient {
	t.Helper()
	config := restclient.CopyConfig(cluster.Config)
	config.Impersonate = restclient.ImpersonationConfig{UserName: user}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
