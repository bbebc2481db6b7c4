package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// Namespace makes a namespace for the test, with its default service account, and removes it with everything in it when
// the test ends. A test that failed tells first what can be seen there. Labels are pairs of name and value.
func Namespace(t testing.TB, labels ...string) string {
	t.Helper()
	claim(t)
	slug := strings.Trim(unfit.ReplaceAllString(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), "-"), "-")
	name := strings.Trim(slug[:min(len(slug), 40)], "-") + "-" + strings.ToLower(rand.Text()[:5])
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
	for i := 0; i+1 < len(labels); i += 2 {
		space.Labels[labels[i]] = labels[i+1]
	}
	if _, err := cluster.Client.CoreV1().Namespaces().Create(t.Context(), space, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { leave(t, name) })
	// Pods are refused until there is one.
	Await(t, serviceAccounts, name, "default", func(*corev1.ServiceAccount) error { return nil })
	return name
}

// leave removes a namespace and waits until its pods are gone, and their volumes with them: the next test may do without
// the driver.
func leave(t testing.TB, name string) {
	t.Helper()
	ctx := within(t, context.WithoutCancel(t.Context()), patience)
	if t.Failed() {
		dump(ctx, t, name)
	}
	if err := cluster.Client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Errorf("the namespace of the test stays: %v", err)
		return
	}
	err := follow(ctx, Pods, name, metav1.ListOptions{}, func(pods []unstructured.Unstructured) error {
		if len(pods) > 0 {
			return fmt.Errorf("there are %d pods, %s among them", len(pods), pods[0].GetName())
		}
		return nil
	})
	if err != nil {
		t.Errorf("the pods of the test stay: %v", err)
		dump(ctx, t, name)
	}
}

// Account makes a service account.
func Account(t testing.TB, namespace, name string, annotations ...string) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{}}}
	for i := 0; i+1 < len(annotations); i += 2 {
		account.Annotations[annotations[i]] = annotations[i+1]
	}
	if _, err := cluster.Client.CoreV1().ServiceAccounts(namespace).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
