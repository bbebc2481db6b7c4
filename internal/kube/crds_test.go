package kube

import (
	"strings"
	"testing"

	"strongroom/internal/fault"
)

const classDefinition = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: secretproviderclasses.secrets-store.csi.x-k8s.io, creationTimestamp: null}
spec:
  group: secrets-store.csi.x-k8s.io
  scope: Namespaced
  names: {kind: SecretProviderClass, listKind: SecretProviderClassList, plural: secretproviderclasses, singular: secretproviderclass}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
`

func TestDefinitionsAreAppliedAndServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Undefine("secretproviderclasses")
	for range 2 { // the second time is an upgrade
		if err := w.client.ApplyCRDs(t.Context(), []byte(classDefinition)); err != nil {
			t.Fatal(err)
		}
	}
	w.Put(vaultClass)
	if _, err := w.client.Classes().Class(t.Context(), "shop", "vault"); err != nil {
		t.Error(err)
	}
}

func TestAManifestOfSomethingElseIsNotApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, manifest := range map[string]string{
		"nothing":        "---\n---\n",
		"something else": classDefinition + vaultClass,
		"no YAML":        "a: [",
		"no name":        strings.Replace(classDefinition, "name: secretproviderclasses.secrets-store.csi.x-k8s.io, ", "", 1),
	} {
		if err := w.client.ApplyCRDs(t.Context(), []byte(manifest)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}
