package e2e

import (
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"strongroom/e2e/node"
)

// On a node that starts with our taint no pod runs before the driver can serve it: everything of ours tolerates the taint,
// and the controller takes it off once the kubelet has registered the driver. Taints of others stay.
func TestAStartUpTaintGoesWhenTheDriverIsThere(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallNothing(t)
	NoSockets(t)
	const taint, others = "secrets-store.csi.k8s.io/agent-not-ready", "e2e.example/other"
	Kubectl(t, "taint", "node", node.Name, taint+":NoSchedule", others+":PreferNoSchedule")
	t.Cleanup(func() { Kubectl(t, "taint", "node", node.Name, others+"-") })
	t.Cleanup(func() { _, _ = TryKubectl(t, "", "taint", "node", node.Name, taint+"-") }) // gone already is as good
	ns := Namespace(t)
	Create(t, Pod(ns, "waits"))
	Await(t, Pods, ns, "waits", func(p *corev1.Pod) error {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable {
				return nil
			}
		}
		return errors.New("nobody has said that it has no node")
	})

	Upgrade(t, "startupTaint: {enabled: true}")
	left := Await(t, Nodes, "", node.Name, func(n *corev1.Node) error {
		if slices.ContainsFunc(n.Spec.Taints, func(one corev1.Taint) bool { return one.Key == taint }) {
			return errors.New("it has the taint")
		}
		return nil
	})
	if !slices.ContainsFunc(left.Spec.Taints, func(one corev1.Taint) bool { return one.Key == others }) {
		t.Errorf("somebody else's taint went along: %v", left.Spec.Taints)
	}
	Await(t, CSINodes, "", node.Name, func(n *storagev1.CSINode) error {
		if !slices.ContainsFunc(n.Spec.Drivers, func(d storagev1.CSINodeDriver) bool { return d.Name == DriverName }) {
			return Hopeless("the taint went before the driver was registered")
		}
		return nil
	})
	AwaitReady(t, ns, "waits")
}
