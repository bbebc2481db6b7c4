package e2e

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Syncing are values for tests of Secrets and of other people's providers, so that all of them share one installation.
const Syncing = `syncSecret: {enabled: true}
tokenRequests: [{audience: aud1}, {audience: aud2}, {audience: conjur}, {audience: sts.amazonaws.com},
  {audience: api://AzureADTokenExchange}, {audience: api://AKSIdentityBinding}]
`

// AwaitSecret waits until there is a Secret that the condition finds nothing missing in.
func AwaitSecret(t testing.TB, namespace, name string, missing func(*corev1.Secret) error) *corev1.Secret {
	t.Helper()
	return Await(t, Secrets, namespace, name, missing)
}

// Holds is a Secret with a value, among others.
func Holds(key, value string) func(*corev1.Secret) error {
	return func(s *corev1.Secret) error {
		if got := string(s.Data[key]); got != value {
			return fmt.Errorf("%s is %q, not %q", key, got, value)
		}
		return nil
	}
}

// Owned is a Secret with so many owners.
func Owned(count int) func(*corev1.Secret) error {
	return func(s *corev1.Secret) error {
		if len(s.OwnerReferences) != count {
			return fmt.Errorf("%d owners, not %d: %v", len(s.OwnerReferences), count, s.OwnerReferences)
		}
		return nil
	}
}

// Present is any Secret.
func Present(*corev1.Secret) error { return nil }

// RemoveDeployment deletes a Deployment; its pods go on their own time.
func RemoveDeployment(t testing.TB, namespace, name string) {
	t.Helper()
	err := cluster.Client.AppsV1().Deployments(namespace).Delete(t.Context(), name, metav1.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// AwaitAccepted waits until the controller has said of a class that it is accepted or not, for a reason.
func AwaitAccepted(t testing.TB, namespace, class, status, reason string) {
	t.Helper()
	Await(t, Classes, namespace, class, func(c *map[string]any) error {
		list, _, err := unstructured.NestedSlice(*c, "status", "conditions")
		if err != nil {
			return Hopeless("%v", err)
		}
		for _, item := range list {
			condition, _ := item.(map[string]any)
			if condition["type"] == "Accepted" && condition["status"] == status && condition["reason"] == reason {
				return nil
			}
		}
		return errors.New(fmt.Sprint("conditions: ", list))
	})
}

// MustBeOurs checks that a Secret was only ever written by the driver, and by server-side apply.
func MustBeOurs(t testing.TB, s *corev1.Secret) {
	t.Helper()
	if s.Labels["secrets-store.csi.k8s.io/managed"] != "true" {
		t.Errorf("%s has labels %v", s.Name, s.Labels)
	}
	for _, entry := range s.ManagedFields {
		if entry.Manager != "strongroom" || entry.Operation != metav1.ManagedFieldsOperationApply {
			t.Errorf("%s is written by %s with %s, too", s.Name, entry.Manager, entry.Operation)
		}
	}
	if len(s.ManagedFields) != 1 {
		t.Errorf("%s has %d field managers", s.Name, len(s.ManagedFields))
	}
}
