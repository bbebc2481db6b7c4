package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"strongroom/e2e/azure"
)

// The roles of people with pod identity.
const (
	identityViewer = "ClusterRole aad-pod-identity-view-role"
	identityEditor = "ClusterRole aad-pod-identity-edit-role"
	podIdentity    = "aadpodidentity.k8s.io"
)

// Promised: who may view a namespace may look at what pod identity has there; who administers it may write identities and
// bindings, and no editor, where a binding reaches pods of other namespaces. What MIC writes, and what lets pods past NMI,
// none of them may. Each verb that the two roles give is taken away once, and then people lack it.
func TestWhatPeopleMayDoWithIdentities(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentity(t)
	ns, other := Namespace(t), Namespace(t)
	people(t, ns, "view", "edit", "admin")
	wantAllowed(t, ns, other, []allowed{
		{"view", podIdentity, "azureidentities", reading},
		{"view", podIdentity, "azureassignedidentities", reading},
		{"edit", podIdentity, "azureidentities", reading},
		{"edit", podIdentity, "azureidentitybindings", reading},
		{"admin", podIdentity, "azureidentities", writing},
		{"admin", podIdentity, "azureidentitybindings", writing},
		{"admin", podIdentity, "azureassignedidentities", reading},
		{"admin", podIdentity, "azurepodidentityexceptions", reading},
	})
	admin := "admin-" + ns
	attempts := attemptsAt(impersonated(t, admin).Resource(PodIdentities).Namespace(ns))
	viewing, editing := roleOf(t, identityViewer), roleOf(t, identityEditor)
	t.Cleanup(func() { setRules(t, identityViewer, viewing); setRules(t, identityEditor, editing) })
	tried := map[string][]string{}
	for _, a := range attempts {
		role, rules := identityViewer, viewing
		if !slices.Contains(reading, a.verb) {
			role, rules = identityEditor, editing
		}
		tried[role] = append(tried[role], a.verb)
		takes := slices.DeleteFunc(grantsOf(role, rules), func(g grant) bool { return g.verb != a.verb })
		setRules(t, role, lessOf(rules, takes...))
		awaitPerson(t, admin, ns, takes, false)
		if err := a.try(t.Context()); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "cannot "+a.verb+" resource") {
			t.Errorf("%s without the right: %v", a.verb, err)
		}
		setRules(t, role, rules)
		awaitPerson(t, admin, ns, takes, true)
		if err := a.try(t.Context()); err != nil {
			t.Errorf("%s with the right: %v", a.verb, err)
		}
	}
	for role, rules := range map[string][]rbacv1.PolicyRule{identityViewer: viewing, identityEditor: editing} {
		for _, g := range grantsOf(role, rules) {
			if !slices.Contains(tried[role], g.verb) {
				t.Errorf("nobody tries what people lack without %s", g)
			}
		}
	}
}

// attempt is what a person does that needs one verb.
type attempt struct {
	verb string
	try  func(context.Context) error
}

// attemptsAt are the life of one AzureIdentity, in order.
func attemptsAt(client dynamic.ResourceInterface) []attempt {
	const name = "tried"
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": podIdentity + "/v1", "kind": "AzureIdentity", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"type": int64(0), "resourceID": azure.ResourceID(name), "clientID": "7f3d2a5e-0000-4000-8000-000000000003"},
	}}
	return []attempt{
		{"create", func(ctx context.Context) (err error) {
			_, err = client.Create(ctx, object, metav1.CreateOptions{})
			return err
		}},
		{"get", func(ctx context.Context) error {
			_, err := client.Get(ctx, name, metav1.GetOptions{})
			return err
		}},
		{"list", func(ctx context.Context) error {
			list, err := client.List(ctx, metav1.ListOptions{})
			if err == nil && len(list.Items) != 1 {
				err = fmt.Errorf("%d identities", len(list.Items))
			}
			return err
		}},
		{"watch", func(ctx context.Context) error {
			events, err := client.Watch(ctx, metav1.ListOptions{})
			if err == nil {
				events.Stop()
			}
			return err
		}},
		{"update", func(ctx context.Context) error {
			stands, err := client.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			stands.SetLabels(map[string]string{"e2e": "updated"})
			_, err = client.Update(ctx, stands, metav1.UpdateOptions{})
			return err
		}},
		{"patch", func(ctx context.Context) error {
			_, err := client.Patch(ctx, name, types.MergePatchType, []byte(`{"metadata":{"labels":{"e2e":"patched"}}}`), metav1.PatchOptions{})
			return err
		}},
		{"delete", func(ctx context.Context) error { return client.Delete(ctx, name, metav1.DeleteOptions{}) }},
	}
}

// roleOf are the rules that the cluster has under a role's name.
func roleOf(t *testing.T, role string) []rbacv1.PolicyRule {
	t.Helper()
	_, name, _ := strings.Cut(role, " ")
	stands, err := cluster.Client.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return stands.Rules
}

// awaitPerson waits until the API server acts upon a change of a role that others are made of.
func awaitPerson(t *testing.T, user, ns string, list []grant, wanted bool) {
	t.Helper()
	for _, g := range list {
		group, resource, _ := strings.Cut(g.resource, "/")
		Eventually(t, g.String(), func() error {
			if may(t, user, ns, group, resource, g.verb) != wanted {
				return errors.New("the API server does not know it yet")
			}
			return nil
		})
	}
}
