package e2e

import (
	"errors"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// DryRun lets the API server judge a manifest, as "kubectl apply --server-side --dry-run=server --validate=strict" does,
// and changes nothing. What belongs to a namespace and names none is judged in the given one.
func DryRun(t testing.TB, namespace, manifest string) error {
	t.Helper()
	list, err := parse(manifest)
	if err != nil {
		return err
	}
	var problems []error
	for _, object := range list {
		mapping, err := mapped(object.GroupVersionKind())
		if err != nil {
			problems = append(problems, err)
			continue
		}
		var client dynamic.ResourceInterface = objects.Resource(mapping.Resource)
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			if object.GetNamespace() == "" {
				object.SetNamespace(namespace)
			}
			client = objects.Resource(mapping.Resource).Namespace(object.GetNamespace())
		}
		text, err := object.MarshalJSON()
		if err != nil {
			return err
		}
		force := true
		_, err = client.Patch(t.Context(), object.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{
			DryRun: []string{metav1.DryRunAll}, FieldManager: "e2e", FieldValidation: metav1.FieldValidationStrict, Force: &force})
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err))
		}
	}
	return errors.Join(problems...)
}
