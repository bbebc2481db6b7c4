// Package secretsstore holds the SecretProviderClass contract of the group secrets-store.csi.x-k8s.io: shapes, names, and
// how the driver's own parameters are read. The versions v1 and v1alpha1 have the same fields and are read alike.
package secretsstore

import "strings"

// Names of the group and its kinds.
const (
	Group           = "secrets-store.csi.x-k8s.io"
	V1              = Group + "/v1"
	V1Alpha1        = Group + "/v1alpha1"
	KindClass       = "SecretProviderClass"
	KindClassStatus = "SecretProviderClassPodStatus"
)

// DriverName is the CSI driver's name, fixed by every manifest that mounts one.
const DriverName = "secrets-store.csi.k8s.io"

// Meta is the part of a Kubernetes object's metadata that matters here.
type Meta struct {
	Name        string            `json:"name" yaml:"name"`
	Namespace   string            `json:"namespace,omitempty" yaml:"namespace,omitempty"`
	UID         string            `json:"uid,omitempty" yaml:"uid,omitempty"`
	Generation  int64             `json:"generation,omitempty" yaml:"generation,omitempty"`
	Labels      map[string]string `json:"labels,omitempty" yaml:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations,omitempty"`
}

// Class is a SecretProviderClass.
type Class struct {
	APIVersion string `json:"apiVersion" yaml:"apiVersion"`
	Kind       string `json:"kind" yaml:"kind"`
	Metadata   Meta   `json:"metadata" yaml:"metadata"`
	Spec       Spec   `json:"spec" yaml:"spec"`
	// Status is empty in a manifest: only a cluster has one.
	Status ClassStatus `json:"status,omitzero" yaml:"-"`
}

// Spec is what a class asks for. Parameters belong to the provider and pass through undecoded.
type Spec struct {
	Provider      string            `json:"provider,omitempty" yaml:"provider,omitempty"`
	Parameters    map[string]string `json:"parameters,omitempty" yaml:"parameters,omitempty"`
	SecretObjects []SecretObject    `json:"secretObjects,omitempty" yaml:"secretObjects,omitempty"`
}

// SecretObject asks for a Kubernetes Secret made of mounted files.
type SecretObject struct {
	SecretName  string            `json:"secretName,omitempty" yaml:"secretName,omitempty"`
	Type        string            `json:"type,omitempty" yaml:"type,omitempty"`
	Labels      map[string]string `json:"labels,omitempty" yaml:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations,omitempty"`
	Data        []SecretData      `json:"data,omitempty" yaml:"data,omitempty"`
}

// SecretData maps one mounted file to one key of the Secret.
type SecretData struct {
	ObjectName string `json:"objectName,omitempty" yaml:"objectName,omitempty"`
	Key        string `json:"key,omitempty" yaml:"key,omitempty"`
}

// Keys of a volume's attributes. Those that begin with KubeletPrefix are the kubelet's alone, see Reserved.
const (
	KubeletPrefix           = "csi.storage.k8s.io/"
	AttrClass               = "secretProviderClass"
	AttrPodName             = KubeletPrefix + "pod.name"
	AttrPodNamespace        = KubeletPrefix + "pod.namespace"
	AttrPodUID              = KubeletPrefix + "pod.uid"
	AttrServiceAccount      = KubeletPrefix + "serviceAccount.name"
	AttrServiceAccountToken = KubeletPrefix + "serviceAccount.tokens"
	AttrEphemeral           = KubeletPrefix + "ephemeral"
)

// Reserved says whether an attribute is the kubelet's alone to set: nobody else's is heeded, neither a pod author's nor
// a class's. Case does not matter, blanks before it neither, since they may not matter to a later reader; and a letter
// that only folds to one of the prefix (the Kelvin sign to k) counts as that one.
func Reserved(key string) bool {
	key = strings.TrimSpace(key)
	characters := 0
	for at := range key {
		if characters++; characters > len(KubeletPrefix) {
			return strings.EqualFold(key[:at], KubeletPrefix)
		}
	}
	return strings.EqualFold(key, KubeletPrefix)
}
