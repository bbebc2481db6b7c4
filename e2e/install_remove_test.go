package e2e

import "testing"

// Removal under running pods takes no file from them; a new installation finds them, goes on rotating and unmounts them.
// Once pods are gone, removal leaves no mount and no socket; CRDs and classes stay.
func TestPodsOutliveARemovalAndRemovalLeavesNothing(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallAlone(t)
	m := newMove(t)
	Uninstall(t)
	NoSockets(t)
	deleted := m.pods[0]
	m.watcher.Forget(*deleted)
	Kubectl(t, "delete", "pod", deleted.Name, "--namespace", m.ns, "--wait=false") // nobody can unmount its volume
	Run(t, Pod(m.ns, "unrelated"))
	if got := len(Mounts(t, "kubernetes.io~csi/class")); got != len(m.pods) {
		t.Errorf("%d mounts of %d pods", got, len(m.pods))
	}

	Upgrade(t)
	AwaitGone(t, Pods, m.ns, deleted.Name)
	AwaitUnmounted(t, string(deleted.UID))
	m.pods = m.pods[1:]
	m.adopted(t)
	m.watcher.Allow("two")
	version := m.vault.Set(t, "secret1", "two")
	m.reach(t, "two")
	m.status(t, m.pods[0], version)
	m.come(t, Run(t, Pod(m.ns, "newcomer", Mounting("class"))))
	for _, pod := range m.pods {
		m.leave(t, pod)
	}
	m.watcher.Stop()

	Uninstall(t)
	NoSockets(t)
	if left := Mounts(t, "kubernetes.io~csi/class"); len(left) > 0 {
		t.Errorf("left mounted: %q", left)
	}
	if left := Mounts(t, "csi-secrets-store"); len(left) > 0 {
		t.Errorf("left mounted: %q", left)
	}
	Kubectl(t, "get", "crd", classCRD, statusCRD)
	Kubectl(t, "get", "secretproviderclass", "class", "--namespace", m.ns)
	if left := Kubectl(t, "get", "csidriver,clusterrole,clusterrolebinding,deployment,daemonset,configmap,role,rolebinding,serviceaccount,job",
		"--namespace", systemNamespace, "--selector", "app.kubernetes.io/part-of=strongroom", "--output", "name"); left != "" {
		t.Errorf("left in the cluster: %s", left)
	}
}
