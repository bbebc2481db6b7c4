package match

import (
	"strings"

	"strongroom/api/aadpodidentity"
)

// Excepted says whether a pod goes past pod identity: one label of one exception of the pod's own namespace is enough.
// Keys are compared exactly and values without regard to case, as ever. An exception without labels excepts nobody.
func Excepted(namespace string, labels map[string]string, exceptions []aadpodidentity.Exception) bool {
	for _, e := range exceptions {
		if e.Namespace != namespace {
			continue
		}
		for key, value := range e.PodLabels {
			if has, labelled := labels[key]; labelled && strings.EqualFold(has, value) {
				return true
			}
		}
	}
	return false
}
