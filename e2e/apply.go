package e2e

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

// Apply applies manifests, as kubectl would on the server's side, and gives the objects. What names no namespace and
// needs one goes into the default one; InNamespace moves a whole manifest. Objects of the cluster are removed when the
// test ends, others with their namespace.
func Apply(t testing.TB, manifest string) []*unstructured.Unstructured {
	t.Helper()
	list, err := parse(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for i, object := range list {
		made, err := apply(t, object)
		if err != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
		list[i] = made
	}
	return list
}

// TryApply is Apply for one object that may be refused.
func TryApply(t testing.TB, manifest string) error {
	t.Helper()
	list, err := parse(manifest)
	if err != nil || len(list) != 1 {
		t.Fatalf("not one object: %v", err)
	}
	_, err = apply(t, list[0])
	return err
}

// InNamespace gives a manifest's objects that namespace where they belong to one and name none.
func InNamespace(t testing.TB, namespace, manifest string) string {
	t.Helper()
	list, err := parse(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, object := range list {
		if object.GetNamespace() == "" {
			object.SetNamespace(namespace)
		}
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n" + string(text) + "\n")
	}
	return all.String()
}

func parse(manifest string) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	var list []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			list = append(list, object)
		}
	}
}

// mapper knows the API's resources, as they were when it last asked.
var mapper = sync.OnceValue(func() *restmapper.DeferredDiscoveryRESTMapper {
	return restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(cluster.Client.Discovery()))
})

// mapped finds the resource of a kind, also when its definition came since the API was last asked.
func mapped(kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := mapper().RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		mapper().Reset()
		mapping, err = mapper().RESTMapping(kind.GroupKind(), kind.Version)
	}
	return mapping, err
}

func apply(t testing.TB, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	mapping, err := mapped(object.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	var client dynamic.ResourceInterface = objects.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		if object.GetNamespace() == "" {
			object.SetNamespace("default")
		}
		client = objects.Resource(mapping.Resource).Namespace(object.GetNamespace())
	} else {
		object.SetNamespace("")
	}
	_, missing := client.Get(t.Context(), object.GetName(), metav1.GetOptions{})
	made, err := client.Apply(t.Context(), object.GetName(), object, metav1.ApplyOptions{FieldManager: "e2e", Force: true})
	if err != nil {
		return nil, err
	}
	passing := object.GetNamespace() == "" || object.GetNamespace() == "default" || object.GetNamespace() == "kube-system"
	if missing != nil && passing { // what stood there before is somebody else's
		t.Cleanup(func() {
			_ = client.Delete(context.WithoutCancel(t.Context()), made.GetName(), metav1.DeleteOptions{}) // gone already is as good
		})
	}
	return made, nil
}
