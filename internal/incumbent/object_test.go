package incumbent_test

import (
	"strings"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/incumbent"
)

func TestWhoseACSIDriverIs(t *testing.T) {
	t.Parallel()
	helm := func(release, namespace string) map[string]string {
		return map[string]string{"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
	}
	const theirs, ours = "secrets-store-csi-driver-1.6.0", "strongroom-1.2.3"
	for name, test := range map[string]struct {
		labels, annotations map[string]string
		kind                fault.Kind
		remedy              string // empty: nobody's that would mind
	}{
		"no labels":        {},
		"applied by hand":  {labels: map[string]string{"app": "x"}, annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
		"our chart":        {labels: map[string]string{"helm.sh/chart": ours}, annotations: helm("strongroom", "kube-system")},
		"part of us":       {labels: map[string]string{"app.kubernetes.io/part-of": "strongroom"}, annotations: helm("x", "y")},
		"add-on":           {labels: map[string]string{"addonmanager.kubernetes.io/mode": "Reconcile", "kubernetes.azure.com/managedby": "aks"}, kind: fault.Denied, remedy: "az aks disable-addons --addons azure-keyvault-secrets-provider -g <group> -n <cluster>"},
		"add-on, one sign": {labels: map[string]string{"kubernetes.azure.com/managedby": "AKS"}, kind: fault.Denied, remedy: "az aks"},
		"add-on, annotated, over ours": {
			labels: map[string]string{"helm.sh/chart": ours}, annotations: map[string]string{"kubernetes.azure.com/managedby": "aks"},
			kind: fault.Denied, remedy: "az aks",
		},
		"upstream":           {labels: map[string]string{"helm.sh/chart": theirs}, annotations: helm("csi-secrets-store", "kube-system"), kind: fault.Busy, remedy: "helm uninstall csi-secrets-store -n kube-system"},
		"upstream elsewhere": {annotations: helm("csi", "secrets"), kind: fault.Busy, remedy: "helm uninstall csi -n secrets"},
		"a chart like ours":  {labels: map[string]string{"helm.sh/chart": "strongroom-like-1.0.0"}, annotations: helm("a", "b"), kind: fault.Busy, remedy: "helm uninstall a -n b"},
	} {
		err := incumbent.Owner(test.labels, test.annotations)
		switch {
		case test.remedy == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.remedy != "" && (err == nil || err.Kind != test.kind || !strings.Contains(err.Remedy, test.remedy)):
			t.Errorf("%s: %v, want %v and %s", name, err, test.kind, test.remedy)
		}
	}
}
