package publish

import "strongroom/internal/secret"

// Volume is one volume of one pod, parsed: what a door (CSI, FlexVolume, the command line) hands to Publisher.
type Volume struct {
	ID     string     // the orchestrator's id; names the volume in logs and locks
	Target string     // absolute path where the files are to appear
	Pod    secret.Pod // as the kubelet states it
	Class  string     // name of the SecretProviderClass, in the pod's namespace

	// Attributes are what the pod's author wrote in volumeAttributes. No key begins with csi.storage.k8s.io/.
	Attributes map[string]string
	// Tokens is the kubelet's JSON of service account tokens by audience; empty when it sent none.
	Tokens secret.Value
	// Secrets is the content of nodePublishSecretRef; nil when there is none.
	Secrets map[string]secret.Value
	// Group is the pod's fsGroup as the kubelet states it by VOLUME_MOUNT_GROUP; nil when the pod has none. The files
	// belong to it then, and it may read what their owner may.
	Group *int
}
