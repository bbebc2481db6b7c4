package e2e

import (
	"strings"
	"testing"
)

// The chart looks into the cluster before it touches anything: what serves the same name is named, with the command that
// removes it, and nothing of ours is installed meanwhile.
func TestTheChartRefusesToStandBesideAnotherDriver(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallNothing(t)
	const daemonSet = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: NAME, namespace: kube-system}
spec:
  selector: {matchLabels: {app: APP}}
  template:
    metadata: {labels: {app: APP}}
    spec:
      nodeSelector: {no-such: node}
      containers: [{name: main, image: localhost/busybox:e2e}]
`
	const driver = `
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: secrets-store.csi.k8s.io, annotations: {ANNOTATIONS}}
spec: {attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: [Ephemeral]}
`
	for _, c := range []struct {
		manifest string
		says     []string
		remove   []string
	}{
		{filled(daemonSet, "NAME", "aks-secrets-store-csi-driver", "APP", "x"),
			[]string{"AKS add-on", "az aks disable-addons --addons azure-keyvault-secrets-provider"},
			[]string{"daemonset", "aks-secrets-store-csi-driver"}},
		{filled(daemonSet, "NAME", "aks-secrets-store-provider-azure", "APP", "x"),
			[]string{"AKS add-on", "az aks disable-addons --addons azure-keyvault-secrets-provider"},
			[]string{"daemonset", "aks-secrets-store-provider-azure"}},
		{filled(daemonSet, "NAME", "csi-secrets-store", "APP", "csi-secrets-store"),
			[]string{"kubectl delete daemonset csi-secrets-store --namespace kube-system"},
			[]string{"daemonset", "csi-secrets-store"}},
		{filled(driver, "ANNOTATIONS", "meta.helm.sh/release-name: csi, meta.helm.sh/release-namespace: secrets"),
			[]string{"belongs to Helm release csi", "helm uninstall csi --namespace secrets"},
			[]string{"csidriver", DriverName}},
		{filled(driver, "ANNOTATIONS", ""),
			[]string{"no Helm release owns it", "kubectl delete csidriver " + DriverName},
			[]string{"csidriver", DriverName}},
	} {
		Apply(t, c.manifest)
		if err := TryInstall(t); err == nil || !holdsAll(err.Error(), c.says) {
			t.Errorf("%q: %v", c.remove, err)
		}
		Kubectl(t, append([]string{"delete", "--namespace", systemNamespace}, c.remove...)...)
	}
	if left := Kubectl(t, "get", "daemonset,deployment,job,clusterrole", "--namespace", systemNamespace,
		"--selector", "app.kubernetes.io/part-of=strongroom", "--output", "name"); left != "" {
		t.Errorf("a refused installation leaves %s", left)
	}
}

// filled is a text with names replaced, in pairs.
func filled(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }
