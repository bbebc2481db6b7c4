// Package crd holds the CustomResourceDefinitions of the group secrets-store.csi.x-k8s.io: those the Secrets Store CSI
// Driver installs, so that either takes the other's objects over as they are, with descriptions, columns and conditions
// besides. One file holds one definition.
package crd

import (
	"bytes"
	_ "embed"
)

var (
	//go:embed secretproviderclasses.yaml
	classes []byte
	//go:embed secretproviderclasspodstatuses.yaml
	podStatuses []byte
)

// YAML is both definitions as one stream of documents, as kubectl apply reads it. The caller may keep it.
func YAML() []byte { return bytes.Join([][]byte{classes, podStatuses}, []byte("---\n")) }
