package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Events gives the events about an object, of any kind.
func Events(t testing.TB, namespace, name string) []corev1.Event {
	t.Helper()
	list, err := cluster.Client.CoreV1().Events(namespace).List(t.Context(), about(name))
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func about(name string) metav1.ListOptions {
	return metav1.ListOptions{FieldSelector: "involvedObject.name=" + name}
}

// AwaitEvent waits for an event about an object with that reason and a message that holds every one of the texts.
func AwaitEvent(t testing.TB, namespace, name, reason string, texts ...string) corev1.Event {
	t.Helper()
	var found corev1.Event
	err := follow(Within(t, patience), EventObjects, namespace, about(name), func(list []unstructured.Unstructured) error {
		var others []string
		for _, item := range list {
			var event corev1.Event
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &event); err != nil {
				return Hopeless("%v", err)
			}
			if event.Reason == reason && holdsAll(event.Message, texts) {
				found = event
				return nil
			}
			others = append(others, event.Reason+": "+event.Message)
		}
		return fmt.Errorf("there are only %q", others)
	})
	if err != nil {
		t.Fatalf("no event %s %q about %s: %v", reason, texts, name, err)
	}
	return found
}

func holdsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
