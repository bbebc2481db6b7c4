// Package aadpodidentity is what the four kinds of AAD Pod Identity say, and the words that go with them: labels, an
// annotation, a finalizer, states. It is a contract with objects, tools and daemons that are in clusters already; the
// source of every name is the CRDs and programs of the archived project, version 1.8.17.
//
// The types are what the objects mean, not their JSON: that has two spellings of most fields, and is read and written
// by Decode and Encode functions beside them.
package aadpodidentity

import "time"

// Group and Version are those of all four kinds.
const (
	Group   = "aadpodidentity.k8s.io"
	Version = "v1"
)

const (
	// LabelBinding is the pod label whose value is compared with a binding's selector.
	LabelBinding = "aadpodidbinding"
	// LabelNode is the label of an assigned identity that names the pod's node. NMI watches by it.
	LabelNode = "nodename"
	// AnnotationBehavior on an AzureIdentity, with the value BehaviorNamespaced, keeps it to pods of its namespace.
	AnnotationBehavior = "aadpodidentity.k8s.io/Behavior"
	BehaviorNamespaced = "namespaced"
	// Finalizer is on every assigned identity from its creation on. It is taken off when nothing on the machine is held
	// for it any more.
	Finalizer = "azureassignedidentity.finalizers.aadpodidentity.k8s.io"
	// DefaultNamespace is where assigned identities are when their identity is not namespaced.
	DefaultNamespace = "default"
)

// Type says how an AzureIdentity proves itself. The zero Type is UserAssigned; others than these are refused by whoever
// is asked for a token of them.
type Type int

// The types.
const (
	UserAssigned Type = iota
	ServicePrincipal
	ServicePrincipalCertificate
)

// State is how far an assignment has come.
type State string

// The states. The empty State is on objects of programs older than 1.5, and counts as Assigned.
const (
	Created    State = "Created"    // wanted; the machine may not have the identity yet
	Assigned   State = "Assigned"   // tokens can be asked for
	Unassigned State = "Unassigned" // given up; the object is about to go
)

// Meta is what of an object's metadata is read or written.
type Meta struct {
	Namespace, Name, UID, ResourceVersion string
	Labels, Annotations                   map[string]string
	Finalizers                            []string
	Deleting                              bool // a deletion was asked for
}

// SecretRef names the Secret with a service principal's credential. The zero value is none.
type SecretRef struct{ Namespace, Name string }

// Identity is an AzureIdentity.
type Identity struct {
	Meta
	Type Type
	// ResourceID is the ARM id of a user-assigned identity, as it was written: case and slashes are not touched.
	ResourceID string
	// ClientID is that of the identity or application, as it was written.
	ClientID string
	// ClientPassword, TenantID, AuxiliaryTenantIDs and ADEndpoint are for service principals. An empty ADEndpoint is
	// the public cloud's.
	ClientPassword     SecretRef
	TenantID           string
	AuxiliaryTenantIDs []string
	ADEndpoint         string
	// Conditions are those of the object's status, which the archived project does not write. A copy has none.
	Conditions []Condition
}

// Condition is one thing that is said of an AzureIdentity in its status. Status is "True", "False" or "Unknown".
type Condition struct {
	Type, Status, Reason, Message string
	LastTransitionTime            time.Time
}

// Namespaced is true when the identity's own annotation keeps it to its namespace.
func (i Identity) Namespaced() bool { return i.Annotations[AnnotationBehavior] == BehaviorNamespaced }

// Binding is an AzureIdentityBinding: pods whose label has the value Selector may use the identity of that name in the
// binding's namespace.
type Binding struct {
	Meta
	AzureIdentity, Selector string
}

// AssignedIdentity is an AzureAssignedIdentity: one pod, one identity, and how far it has come. Identity and Binding are
// copies from when it was made.
type AssignedIdentity struct {
	Meta
	Identity Identity
	Binding  Binding
	// Pod, PodNamespace and Node are what NMI goes by, never the object's name.
	Pod, PodNamespace, Node string
	State                   State
}

// Exception is an AzurePodIdentityException: pods of its namespace with any one of the labels go past pod identity.
// Values are compared without regard to case, keys exactly.
type Exception struct {
	Meta
	PodLabels map[string]string
}
