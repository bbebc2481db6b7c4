package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// aksDriver is what the Key Vault add-on of AKS has in a cluster, besides its driver on the node.
const aksDriver = `
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: secrets-store.csi.k8s.io, labels: {addonmanager.kubernetes.io/mode: Reconcile, kubernetes.azure.com/managedby: aks}}
spec: {attachRequired: false, podInfoOnMount: true, requiresRepublish: true, volumeLifecycleModes: [Ephemeral]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: aks-secrets-store-csi-driver, namespace: kube-system, labels: {kubernetes.azure.com/managedby: aks}}
spec:
  selector: {matchLabels: {app: aks-secrets-store-csi-driver}}
  template:
    metadata: {labels: {app: aks-secrets-store-csi-driver}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: secrets-store, image: localhost/busybox:e2e, imagePullPolicy: Never, command: [sh, -c, "trap exit TERM; sleep 1000000 & wait"]}]
`

// Where the add-on of AKS serves, Helm refuses and says how it is removed. A manifest cannot look before it is applied:
// then our driver says so on the node, and serves nobody and does not get ready, while the add-on's pods go on. Once the
// add-on has gone, the same driver takes its place and its pods without a hand on it. Applying the manifest a second time
// changes nothing, and its removal leaves the CRDs and nothing else.
func TestTheManifestWaitsForTheAddOnAndTakesItsPlace(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallNothing(t)
	UpstreamCRDs(t)
	manifest := Manifest(t)
	t.Cleanup(func() { RemoveManifest(t, manifest) })
	Apply(t, aksDriver)
	addOn := NewUpstream(t, map[string]string{"secret1": "one"})
	addOn.Serve(t)
	m := newMove(t)
	if err := TryInstall(t); err == nil || !strings.Contains(err.Error(), "az aks disable-addons --addons azure-keyvault-secrets-provider") {
		t.Fatalf("installed beside the add-on, or refused without saying what to do: %v", err)
	}

	ApplyManifest(t, manifest)
	ours := awaitRefusal(t)
	m.come(t, Run(t, Pod(m.ns, "meanwhile", Mounting("class")))) // by the add-on
	if now := OnlyPod(t, systemNamespace, "app="+Driver); now.UID != ours.UID || now.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Error("the driver that waits was started anew")
	}

	m.begun["meanwhile"] = m.beginning(t, m.pods[3])
	Kubectl(t, "delete", "csidriver", DriverName)
	Kubectl(t, "delete", "daemonset", "aks-secrets-store-csi-driver", "--namespace", systemNamespace)
	addOn.Stop()
	AwaitInstalled(t)
	if now := OnlyPod(t, systemNamespace, "app="+Driver); now.UID != ours.UID || now.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Error("the driver converged only by a new start")
	}
	others := changes(ApplyManifest(t, manifest)) // the add-on took the CSIDriver along
	if want := []string{"csidriver.storage.k8s.io/secrets-store.csi.k8s.io created"}; !slices.Equal(others, want) {
		t.Errorf("applied once more, it changes %q, not %q", others, want)
	}
	if again := changes(ApplyManifest(t, manifest)); len(again) > 0 {
		t.Errorf("applied once more, it changes %q", again)
	}
	m.adopted(t)
	m.watcher.Allow("two")
	m.vault.Set(t, "secret1", "two")
	Kubectl(t, "annotate", "secretproviderclass", "class", "--namespace", m.ns, "strongroom/refresh=now")
	m.reach(t, "two")
	m.come(t, Run(t, Pod(m.ns, "newcomer", Mounting("class"))))
	for _, pod := range m.pods {
		m.leave(t, pod)
	}
	m.watcher.Stop()

	RemoveManifest(t, manifest)
	NoSockets(t)
	Kubectl(t, "get", "crd", classCRD, statusCRD)
	Kubectl(t, "get", "secretproviderclass", "class", "--namespace", m.ns)
	if left, err := TryKubectl(t, manifest, "get", "--ignore-not-found", "--filename", "-", "--output", "name"); err != nil || strings.Count(left, "\n") != 2 {
		t.Errorf("besides the two CRDs is left: %q, %v", left, err)
	}
}

// changes gives kubectl's lines about what was not as it should be.
func changes(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool { return strings.HasSuffix(line, " unchanged") })
}

// awaitRefusal waits until our driver says that another serves, and how that is removed.
func awaitRefusal(t *testing.T) corev1.Pod {
	t.Helper()
	Await(t, DaemonSets, systemNamespace, Driver, func(d *appsv1.DaemonSet) error {
		if d.Status.CurrentNumberScheduled != 1 {
			return fmt.Errorf("it has no pod")
		}
		return nil
	})
	pod := OnlyPod(t, systemNamespace, "app="+Driver)
	Await(t, Pods, systemNamespace, pod.Name, func(p *corev1.Pod) error {
		if p.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("it is %s", p.Status.Phase)
		}
		return nil
	})
	Eventually(t, "the driver says that it does not serve", func() error {
		text := Logs(t, systemNamespace, pod.Name)
		if !holdsAll(text, []string{
			"the driver does not serve while another program holds its place", "two cannot serve one name", "az aks disable-addons", "helm uninstall",
			"another installation owns the CSIDriver object", "belongs to the Key Vault add-on of AKS",
		}) {
			return fmt.Errorf("it says %s", text)
		}
		return nil
	})
	if p := Await(t, Pods, systemNamespace, pod.Name, func(*corev1.Pod) error { return nil }); notReady(p) == nil {
		t.Error("the driver is ready while another serves")
	}
	return pod
}
