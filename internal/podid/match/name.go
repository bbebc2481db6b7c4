package match

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"strongroom/api/aadpodidentity"
)

// What an API server takes, in bytes.
const (
	longestName  = 253 // of an object
	longestLabel = 63  // of a label's value
)

// AssignedNamespace is where the assigned identity of an identity is: with the identity when that is kept to its
// namespace, by itself or because all are, and otherwise in the namespace default.
func AssignedNamespace(identity *aadpodidentity.Identity, forceNamespaced bool) string {
	if forceNamespaced || identity.Namespaced() {
		return identity.Namespace
	}
	return aadpodidentity.DefaultNamespace
}

// AssignedName is what the assigned identity of a pod is called when nobody else has that name: the pod's name, its
// namespace and the identity's name, as the archived project joins them. Where that is too long it is DistinctName.
func AssignedName(pod *Pod, identity *aadpodidentity.Identity) string {
	name := plain(pod, identity)
	if len(name) > longestName {
		return DistinctName(pod, identity)
	}
	return name
}

// DistinctName is what it is called when AssignedName is another's, since two joins can come to the same, or since two
// namespaces have an identity of that name: the same with a short hash of who has what.
func DistinctName(pod *Pod, identity *aadpodidentity.Identity) string {
	return hashed(plain(pod, identity), longestName, pod.Namespace, pod.Name, identity.Namespace, identity.Name)
}

func plain(pod *Pod, identity *aadpodidentity.Identity) string {
	return pod.Name + "-" + pod.Namespace + "-" + identity.Name
}

// NodeLabel is the value of the label that names a node. The names of nodes can be longer than a label's value; those are
// cut, and told apart by a short hash. Whoever selects by the label must ask this as well.
func NodeLabel(node string) string {
	if len(node) <= longestLabel {
		return node
	}
	return hashed(node, longestLabel, node)
}

// hashed ends a text in a short hash of the parts, within so many bytes.
func hashed(text string, most int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "/")))
	suffix := "-" + hex.EncodeToString(sum[:5])
	if len(text) > most-len(suffix) {
		text = strings.TrimRight(text[:most-len(suffix)], "-._")
	}
	return text + suffix
}
