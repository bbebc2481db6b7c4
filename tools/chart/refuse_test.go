package chart_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"

	"strongroom/tools/chart"
)

// cluster holds what a chart may look up.
type cluster struct{ objects *fake.FakeDynamicClient }

func (c cluster) GetClientFor(_, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	switch kind {
	case "DaemonSet", "Deployment":
		return c.objects.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: strings.ToLower(kind) + "s"}), true, nil
	}
	return c.objects.Resource(schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "csidrivers"}), false, nil
}

func clusterWith(t *testing.T, texts ...string) cluster {
	t.Helper()
	var objects []runtime.Object
	for _, text := range texts {
		objects = append(objects, &unstructured.Unstructured{Object: parsed(t, text)})
	}
	kinds := map[schema.GroupVersionResource]string{
		{Group: "apps", Version: "v1", Resource: "daemonsets"}:           "DaemonSetList",
		{Group: "apps", Version: "v1", Resource: "deployments"}:          "DeploymentList",
		{Group: "storage.k8s.io", Version: "v1", Resource: "csidrivers"}: "CSIDriverList",
	}
	return cluster{fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, objects...)}
}

func daemonSet(name, app, release string) string {
	owner := ""
	if release != "" {
		owner = `, annotations: {meta.helm.sh/release-name: ` + release + `, meta.helm.sh/release-namespace: kube-system}`
	}
	return `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: ` + name + `, namespace: kube-system` + owner +
		`}, spec: {template: {metadata: {labels: {app: ` + app + `}}}}}`
}

func csiDriver(release string) string {
	return `{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: secrets-store.csi.k8s.io, annotations: {` +
		`meta.helm.sh/release-name: "` + release + `", meta.helm.sh/release-namespace: kube-system}}}`
}

// Two drivers of one name in a cluster are refused with the command that ends it; our own release is not in its own way.
func TestOthersInTheCluster(t *testing.T) {
	t.Parallel()
	const providerOnly = `{secrets-store-csi-driver: {install: false}}`
	for name, c := range map[string]struct {
		there  []string
		values string
		want   string // empty: installed
	}{
		"nothing":                {},
		"unrelated":              {there: []string{daemonSet("kube-proxy", "kube-proxy", "")}},
		"ourselves":              {there: []string{daemonSet("secrets-store-csi-driver", "secrets-store-csi-driver, app.kubernetes.io/part-of: strongroom", "strongroom"), csiDriver("strongroom")}},
		"its release, upgraded":  {there: []string{daemonSet("secrets-store-csi-driver", "secrets-store-csi-driver", "strongroom"), csiDriver("strongroom")}, want: "helm uninstall strongroom --namespace kube-system"},
		"the AKS add-on":         {there: []string{daemonSet("aks-secrets-store-csi-driver", "secrets-store-csi-driver", "")}, want: "az aks disable-addons --addons azure-keyvault-secrets-provider"},
		"upstream's driver":      {there: []string{daemonSet("secrets-store-csi-driver", "secrets-store-csi-driver", "csi-secrets-store")}, want: "helm uninstall csi-secrets-store --namespace kube-system"},
		"upstream's manifest":    {there: []string{daemonSet("csi-secrets-store", "csi-secrets-store", "")}, want: "kubectl delete daemonset csi-secrets-store --namespace kube-system"},
		"upstream's provider":    {there: []string{daemonSet("p", "csi-secrets-store-provider-azure", "azure")}, want: "helm uninstall azure --namespace kube-system"},
		"upstream's CSIDriver":   {there: []string{csiDriver("csi-secrets-store")}, want: "belongs to Helm release csi-secrets-store"},
		"nobody's CSIDriver":     {there: []string{csiDriver("")}, want: "kubectl delete csidriver secrets-store.csi.k8s.io"},
		"provider beside driver": {there: []string{daemonSet("secrets-store-csi-driver", "secrets-store-csi-driver", "csi-secrets-store"), csiDriver("csi-secrets-store")}, values: providerOnly},
		"add-on's provider":      {there: []string{daemonSet("aks-secrets-store-provider-azure", "x", "")}, values: providerOnly, want: "az aks disable-addons"},
		"driver beside provider": {there: []string{daemonSet("p", "csi-secrets-store-provider-azure", "azure")}, values: `{linux: {provider: {enabled: false}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := inKubeSystem
			release.Cluster = clusterWith(t, c.there...)
			_, err := chart.Render(chartDir, release, parsed(t, c.values))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("not refused with %q: %v", c.want, err)
			}
		})
	}
}

// identityPart is a workload of pod identity.
func identityPart(kind, namespace, name, labels, release string) string {
	owner := ""
	if release != "" {
		owner = `, annotations: {meta.helm.sh/release-name: ` + release + `, meta.helm.sh/release-namespace: kube-system}`
	}
	return `{apiVersion: apps/v1, kind: ` + kind + `, metadata: {name: ` + name + `, namespace: ` + namespace + owner +
		`}, spec: {template: {metadata: {labels: {` + labels + `}}}}}`
}

func TestOtherPodIdentitiesInTheCluster(t *testing.T) {
	t.Parallel()
	const on, managed = `{podIdentity: {enabled: true}}`, `{podIdentity: {enabled: true, operationMode: managed}}`
	nmi := identityPart("DaemonSet", "default", "nmi", "component: nmi, tier: node", "")
	mic := identityPart("Deployment", "default", "mic", "component: mic, app: mic", "")
	for name, c := range map[string]struct {
		there  string
		values string
		want   string // empty: installed
	}{
		"without pod identity":  {nmi, ``, ""},
		"unrelated":             {identityPart("Deployment", "default", "shop", "component: web", ""), on, ""},
		"our own NMI":           {identityPart("DaemonSet", "kube-system", "aad-pod-identity-nmi", "component: nmi", "strongroom"), on, ""},
		"our own MIC":           {identityPart("Deployment", "kube-system", "aad-pod-identity-mic", "component: mic", "strongroom"), on, ""},
		"the manifest's NMI":    {nmi, on, "kubectl delete daemonset nmi --namespace default"},
		"the manifest's MIC":    {mic, on, "kubectl delete deployment mic --namespace default"},
		"its MIC, managed mode": {mic, managed, ""},
		"its NMI, managed mode": {nmi, managed, "Do not delete the manifest it came from"},
		"the chart's NMI":       {identityPart("DaemonSet", "kube-system", "aad-pod-identity-nmi", "app.kubernetes.io/component: nmi", "aad-pod-identity"), on, "helm uninstall aad-pod-identity --namespace kube-system"},
		"the chart's MIC":       {identityPart("Deployment", "kube-system", "aad-pod-identity-mic", "app.kubernetes.io/component: mic", "aad-pod-identity"), on, "helm uninstall aad-pod-identity --namespace kube-system"},
		"named otherwise":       {identityPart("DaemonSet", "sys", "tokens", "app.kubernetes.io/component: nmi", ""), on, "kubectl delete daemonset tokens --namespace sys"},
		"the AKS add-on":        {identityPart("DaemonSet", "kube-system", "nmi", `component: nmi, kubernetes.azure.com/managedby: aks`, ""), on, "az aks update --disable-pod-identity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := inKubeSystem
			release.Cluster = clusterWith(t, c.there)
			_, err := chart.Render(chartDir, release, parsed(t, c.values))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("not refused with %q: %v", c.want, err)
			}
		})
	}
}
