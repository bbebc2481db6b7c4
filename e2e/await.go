package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// Kinds of objects that scenarios wait for.
var (
	Pods            = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	Nodes           = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	Namespaces      = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	Secrets         = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	EventObjects    = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	Deployments     = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	DaemonSets      = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	StatefulSets    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	Jobs            = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	CSINodes        = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "csinodes"}
	Classes         = schema.GroupVersionResource{Group: "secrets-store.csi.x-k8s.io", Version: "v1", Resource: "secretproviderclasses"}
	serviceAccounts = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	PodStatuses     = schema.GroupVersionResource{Group: "secrets-store.csi.x-k8s.io", Version: "v1", Resource: "secretproviderclasspodstatuses"}
)

// errHopeless marks what no waiting will mend.
var errHopeless = errors.New("this will not change any more")

// Hopeless makes Await give up at once.
func Hopeless(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errHopeless}, args...)...)
}

// Await watches an object until the condition finds nothing missing. As long as there is no such object the condition is
// not asked. Namespace is empty for an object that belongs to none.
func Await[T any](t testing.TB, kind schema.GroupVersionResource, namespace, name string, missing func(*T) error) *T {
	t.Helper()
	got, err := await(Within(t, patience), kind, namespace, name, missing)
	if err != nil {
		t.Fatalf("%s %s: %v", kind.Resource, name, err)
	}
	return got
}

// AwaitGone watches until there is no such object.
func AwaitGone(t testing.TB, kind schema.GroupVersionResource, namespace, name string) {
	t.Helper()
	if err := awaitGone(Within(t, patience), kind, namespace, name); err != nil {
		t.Fatalf("%s %s is still there: %v", kind.Resource, name, err)
	}
}

func awaitGone(ctx context.Context, kind schema.GroupVersionResource, namespace, name string) error {
	return follow(ctx, kind, namespace, one(name), func(list []unstructured.Unstructured) error {
		if len(list) > 0 {
			return errors.New("it is there")
		}
		return nil
	})
}

func await[T any](ctx context.Context, kind schema.GroupVersionResource, namespace, name string, missing func(*T) error) (*T, error) {
	var found *T
	err := follow(ctx, kind, namespace, one(name), func(list []unstructured.Unstructured) error {
		if len(list) == 0 {
			return errors.New("there is none")
		}
		found = new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list[0].Object, found); err != nil {
			return Hopeless("%v", err)
		}
		return missing(found)
	})
	return found, err
}

func one(name string) metav1.ListOptions {
	return metav1.ListOptions{FieldSelector: "metadata.name=" + name}
}

// follow lists what the options select and keeps the list up to date by a watch, until a look at it finds nothing
// missing. A watch that ends is begun anew.
func follow(ctx context.Context, kind schema.GroupVersionResource, namespace string, options metav1.ListOptions, missing func([]unstructured.Unstructured) error) error {
	last := errors.New("it was never seen")
	for ctx.Err() == nil {
		list, err := objects.Resource(kind).Namespace(namespace).List(ctx, options)
		if err != nil {
			return fmt.Errorf("%w (last: %w)", because(ctx, err), last)
		}
		if last = missing(list.Items); last == nil || errors.Is(last, errHopeless) {
			return last
		}
		from := options
		from.ResourceVersion = list.GetResourceVersion()
		events, err := objects.Resource(kind).Namespace(namespace).Watch(ctx, from)
		if err != nil {
			return fmt.Errorf("%w (last: %w)", because(ctx, err), last)
		}
		last = watched(events, list.Items, missing)
		events.Stop()
		if last == nil || errors.Is(last, errHopeless) {
			return last
		}
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), last)
}

// watched applies events to a list until nothing is missing or the watch ends.
func watched(events watch.Interface, list []unstructured.Unstructured, missing func([]unstructured.Unstructured) error) error {
	last := errors.New("nothing was seen")
	for event := range events.ResultChan() {
		object, ok := event.Object.(*unstructured.Unstructured)
		if !ok || event.Type == watch.Error {
			return fmt.Errorf("%w (and the watch failed: %v)", last, event.Object)
		}
		list = without(list, object)
		if event.Type != watch.Deleted {
			list = append(list, *object)
		}
		if last = missing(list); last == nil || errors.Is(last, errHopeless) {
			return last
		}
	}
	return last
}

func without(list []unstructured.Unstructured, object *unstructured.Unstructured) []unstructured.Unstructured {
	var kept []unstructured.Unstructured
	for _, other := range list {
		if other.GetUID() != object.GetUID() {
			kept = append(kept, other)
		}
	}
	return kept
}

// because prefers the reason why a context ended to the error that its end caused.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
