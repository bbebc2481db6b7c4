package aadpodidentity

import "encoding/json"

// Kinds of the group.
const (
	KindIdentity         = "AzureIdentity"
	KindBinding          = "AzureIdentityBinding"
	KindAssignedIdentity = "AzureAssignedIdentity"
	KindException        = "AzurePodIdentityException"
)

// APIVersion is that of every object of the group.
const APIVersion = Group + "/" + Version

// object is an object of the API as it is written.
type object struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       any      `json:"spec"`
	Status     any      `json:"status,omitempty"`
}

type metadata struct {
	Namespace       string            `json:"namespace,omitempty"`
	Name            string            `json:"name"`
	UID             string            `json:"uid,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
	Finalizers      []string          `json:"finalizers,omitempty"`
}

type assignedSpec struct {
	Identity     object `json:"azureIdentityRef"`
	Binding      object `json:"azureBindingRef"`
	Pod          string `json:"pod"`
	PodNamespace string `json:"podNamespace"`
	Node         string `json:"nodename"` // in lower case throughout, unlike its neighbours
}

type assignedStatus struct {
	Status    State `json:"status,omitempty"`
	Available int   `json:"availableReplicas"`
}

type identitySpec struct {
	Type               Type          `json:"type"`
	ResourceID         string        `json:"resourceID,omitempty"`
	ClientID           string        `json:"clientID,omitempty"`
	ClientPassword     *clientSecret `json:"clientPassword,omitempty"`
	TenantID           string        `json:"tenantID,omitempty"`
	AuxiliaryTenantIDs []string      `json:"auxiliaryTenantIDs,omitempty"`
	ADEndpoint         string        `json:"adEndpoint,omitempty"`
}

type clientSecret struct {
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

type bindingSpec struct {
	AzureIdentity string `json:"azureIdentity"`
	Selector      string `json:"selector"`
}

// EncodeAssignedIdentity writes an AzureAssignedIdentity in the API's JSON, as other programs of pod identity read it: the
// copies are whole objects with the resource versions they were made from, and fields have their canonical names. Labels,
// annotations and finalizers are written as they are given, for the copies too.
func EncodeAssignedIdentity(a AssignedIdentity) ([]byte, error) {
	return json.Marshal(object{
		APIVersion: APIVersion, Kind: KindAssignedIdentity, Metadata: written(a.Meta),
		Spec: assignedSpec{
			Identity: object{APIVersion: APIVersion, Kind: KindIdentity, Metadata: written(a.Identity.Meta), Spec: specOf(a.Identity)},
			Binding: object{
				APIVersion: APIVersion, Kind: KindBinding, Metadata: written(a.Binding.Meta),
				Spec: bindingSpec{a.Binding.AzureIdentity, a.Binding.Selector},
			},
			Pod: a.Pod, PodNamespace: a.PodNamespace, Node: a.Node,
		},
		Status: assignedStatus{a.State, 1},
	})
}

func written(m Meta) metadata {
	return metadata{m.Namespace, m.Name, m.UID, m.ResourceVersion, m.Labels, m.Annotations, m.Finalizers}
}

func specOf(i Identity) identitySpec {
	s := identitySpec{
		Type: i.Type, ResourceID: i.ResourceID, ClientID: i.ClientID,
		TenantID: i.TenantID, AuxiliaryTenantIDs: i.AuxiliaryTenantIDs, ADEndpoint: i.ADEndpoint,
	}
	if i.ClientPassword != (SecretRef{}) {
		s.ClientPassword = &clientSecret{i.ClientPassword.Name, i.ClientPassword.Namespace}
	}
	return s
}
