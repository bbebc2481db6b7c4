package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
)

// Routed gives a pod an interface of its own on the node and an address of either family, where others are on one bridge:
// see node.Routed.
func Routed(t testing.TB) With {
	t.Helper()
	class := azure.Unique(node.Routed)
	Apply(t, fmt.Sprintf(`{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: %s}, handler: %s}`, class, node.Routed))
	return func(p *corev1.PodTemplateSpec) { p.Spec.RuntimeClassName = &class }
}

// Capable lets the pod's processes, which are root's, do what these capabilities are for, and nothing that needs another.
func Capable(add ...corev1.Capability) With {
	return func(p *corev1.PodTemplateSpec) {
		no := false
		p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: add},
		}
	}
}
