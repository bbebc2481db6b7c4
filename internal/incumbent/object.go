package incumbent

import (
	"fmt"
	"strings"

	"strongroom/internal/fault"
)

// The steps that remove the drivers this one replaces.
const (
	// RemoveAddOn removes the add-on of AKS.
	RemoveAddOn = "az aks disable-addons --addons azure-keyvault-secrets-provider -g <group> -n <cluster>"
	// RemoveUpstream removes a release of upstream's chart by the name its documentation gives it.
	RemoveUpstream = "helm uninstall csi-secrets-store -n kube-system"
	// Removal is for a driver of which it is not known how it came.
	Removal = "remove it before this driver serves: on AKS, where it is an add-on: " + RemoveAddOn +
		" ; where it came with Helm: " + RemoveUpstream + " (helm list -A shows the release) ; otherwise delete its DaemonSet"
)

// Labels and annotations that tell who made an object.
const (
	labelAddOn     = "addonmanager.kubernetes.io/mode"
	labelManagedBy = "kubernetes.azure.com/managedby"
	labelChart     = "helm.sh/chart"
	labelPartOf    = "app.kubernetes.io/part-of"
	helmRelease    = "meta.helm.sh/release-name"
	helmNamespace  = "meta.helm.sh/release-namespace"
)

// Owner judges by a CSIDriver object's labels and annotations whose it is. It is nil when the object is nobody's that
// would mind: Strongroom's own, which says so in app.kubernetes.io/part-of or as a chart, or one that was applied by hand.
//
// It is Denied when the add-on of AKS owns it, whose manager puts back at once whatever another changes, and Busy when a
// Helm release does. A release's objects outlive its pods, so Busy does not say that its driver runs: Check does.
func Owner(labels, annotations map[string]string) *fault.Error {
	switch {
	case addOn(labels, annotations):
		return fault.New(fault.Denied, "CSIDriver", "belongs to the Key Vault add-on of AKS, which serves the same driver name on every node and puts its objects back when they are changed").
			Mend("%s", RemoveAddOn)
	case labels[labelPartOf] == Mark || chart(labels) == Mark || annotations[helmRelease] == "":
		return nil
	}
	release, namespace := annotations[helmRelease], annotations[helmNamespace]
	of := ""
	if c := labels[labelChart]; c != "" {
		of = fmt.Sprintf(" of chart %s", fault.Shorten(c))
	}
	return fault.New(fault.Busy, "CSIDriver", "belongs to Helm release %s/%s%s", fault.Shorten(namespace), fault.Shorten(release), of).
		Mend("helm uninstall %s -n %s", fault.Shorten(release), fault.Shorten(namespace))
}

// addOn knows the add-on by its manager's label, or by AKS's own on objects of its making.
func addOn(labels, annotations map[string]string) bool {
	if labels[labelAddOn] != "" {
		return true
	}
	return strings.EqualFold(labels[labelManagedBy], "aks") || strings.EqualFold(annotations[labelManagedBy], "aks")
}

// chart is the name of the chart that an object came with, without the version.
func chart(labels map[string]string) string {
	name := labels[labelChart]
	for i := range len(name) - 1 {
		if name[i] == '-' && name[i+1] >= '0' && name[i+1] <= '9' {
			return name[:i]
		}
	}
	return name
}
