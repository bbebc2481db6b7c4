package secretsstore

import "time"

// Labels, annotations and parameters with a meaning of their own.
const (
	// LabelNode is on every SecretProviderClassPodStatus: the node whose driver wrote it. Other people's tools select by it.
	LabelNode = "internal.secrets-store.csi.k8s.io/node-name"
	// LabelManaged is "true" on every Secret the driver made. One without it is somebody else's.
	LabelManaged = "secrets-store.csi.k8s.io/managed"
	// AnnotationRefresh asks, on a class or a pod, for everything it mounts to be fetched at once. Any change of its value
	// asks anew; the command line writes the time.
	AnnotationRefresh = "strongroom/refresh"
	// ParamRotation is the class parameter that says how old its mounted content may grow, as a Go duration of at least
	// MinRotation. Empty is the driver's own interval. It belongs to the driver; providers ignore it.
	ParamRotation = "rotationPollInterval"
	// MinRotation is the shortest rotation interval a class may ask for.
	MinRotation = 5 * time.Second
)

// Condition is one statement about an object, in the shape Kubernetes uses everywhere.
type Condition struct {
	Type               string    `json:"type"`
	Status             string    `json:"status"` // "True", "False" or "Unknown"
	Reason             string    `json:"reason"`
	Message            string    `json:"message"`
	ObservedGeneration int64     `json:"observedGeneration,omitempty"`
	LastTransitionTime time.Time `json:"lastTransitionTime"`
}

// ClassStatus is what the controller found out about a class.
type ClassStatus struct {
	Conditions []Condition `json:"conditions,omitempty"`
}

// Types of conditions and their statuses.
const (
	// ConditionAccepted of a class says whether its decoder accepts it.
	ConditionAccepted = "Accepted"
	// ConditionFresh of a pod status says whether what is mounted could be checked when it last was due.
	ConditionFresh = "Fresh"

	True  = "True"
	False = "False"
)

// PodStatus is a SecretProviderClassPodStatus: what one pod has mounted of one class.
type PodStatus struct {
	Name      string // StatusName
	Namespace string
	Node      string
	Pod       Owner // the object goes when its pod goes
	Status    MountStatus
}

// MountStatus is the status of a PodStatus, as its readers expect it: Objects are sorted by id, Mounted is always true.
type MountStatus struct {
	PodName    string          `json:"podName,omitempty"`
	ClassName  string          `json:"secretProviderClassName,omitempty"`
	TargetPath string          `json:"targetPath,omitempty"`
	Mounted    bool            `json:"mounted,omitempty"`
	Objects    []ObjectVersion `json:"objects,omitempty"`
	Conditions []Condition     `json:"conditions,omitempty"`
}

// ObjectVersion is which version of an object is mounted.
type ObjectVersion struct {
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"`
}

// StatusName is the name of the PodStatus of a pod and a class, a contract with other people's tools.
func StatusName(pod, namespace, class string) string { return pod + "-" + namespace + "-" + class }

// Owner is an object that others live by: when it goes, they go.
type Owner struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	UID        string `json:"uid"`
}
