// Package crd holds the CustomResourceDefinitions of the group aadpodidentity.k8s.io: those of AAD Pod Identity, so that
// either takes the other's objects over as they are. Besides, they keep the fields whose names manifests from before
// release 1.6 begin with a capital, which the archived project's definitions drop in silence; they refuse a resource id
// that cannot be one; and they have descriptions and room for conditions. One file holds one definition.
package crd

import (
	"bytes"
	_ "embed"
)

var (
	//go:embed azureidentities.yaml
	identities []byte
	//go:embed azureidentitybindings.yaml
	bindings []byte
	//go:embed azureassignedidentities.yaml
	assignedIdentities []byte
	//go:embed azurepodidentityexceptions.yaml
	exceptions []byte
)

// YAML is all definitions as one stream of documents, as kubectl apply reads it. The caller may keep it.
func YAML() []byte {
	return bytes.Join([][]byte{identities, bindings, assignedIdentities, exceptions}, []byte("---\n"))
}
