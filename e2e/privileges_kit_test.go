package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// azureJSON is where nodes of Azure have what their cluster is to Azure.
const azureJSON = "/etc/kubernetes/azure.json"

// azureFile gives the node that file, readable by root alone as on AKS, until the test ends.
func azureFile(t *testing.T) {
	t.Helper()
	text := fmt.Sprintf(`{"cloud": "AzurePublicCloud", "tenantId": %q, "subscriptionId": %q, "resourceGroup": %q, "vmType": "vmss", "aadClientId": %q, "aadClientSecret": %q}`,
		azure.Tenant, azure.SubscriptionID, azure.ResourceGroup, azure.ControllerID, azure.ControllerSecret)
	if err := os.MkdirAll(filepath.Dir(azureJSON), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(azureJSON, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(azureJSON); err != nil {
			t.Error(err)
		}
	})
}

func daemonSet(t *testing.T, name string) *appsv1.DaemonSet {
	t.Helper()
	d, err := cluster.Client.AppsV1().DaemonSets(systemNamespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func micDeployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	d, err := cluster.Client.AppsV1().Deployments(systemNamespace).Get(t.Context(), MIC, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// specOf is what a workload's pods are like.
func specOf(t *testing.T, name string) *corev1.PodSpec {
	t.Helper()
	if name == MIC {
		return &micDeployment(t).Spec.Template.Spec
	}
	return &daemonSet(t, name).Spec.Template.Spec
}

// setSpec gives a workload's pods another form, and waits until one of that form has been made.
func setSpec(t *testing.T, name string, spec corev1.PodSpec) {
	t.Helper()
	var generation int64
	Eventually(t, "a change of "+name, func() (err error) {
		generation, err = putSpec(t.Context(), t, name, spec)
		return err
	})
	made := func(observed int64, pods int32) error {
		if observed < generation || pods < 1 {
			return fmt.Errorf("no pod of the new form yet: %d of generation %d, wanted %d", pods, observed, generation)
		}
		return nil
	}
	if name == MIC {
		Await(t, Deployments, systemNamespace, name, func(d *appsv1.Deployment) error {
			return made(d.Status.ObservedGeneration, d.Status.UpdatedReplicas)
		})
		return
	}
	Await(t, DaemonSets, systemNamespace, name, func(d *appsv1.DaemonSet) error {
		return made(d.Status.ObservedGeneration, d.Status.UpdatedNumberScheduled)
	})
}

// awaitWorkload waits until its pods are of the newest form, and ready.
func awaitWorkload(t *testing.T, name string) {
	t.Helper()
	if name == MIC {
		AwaitDeployment(t, systemNamespace, name)
		return
	}
	AwaitDaemonSet(t, systemNamespace, name)
}

func putSpec(ctx context.Context, t *testing.T, name string, spec corev1.PodSpec) (generation int64, err error) {
	t.Helper()
	apps := cluster.Client.AppsV1()
	if name == MIC {
		d := micDeployment(t)
		d.Spec.Template.Spec = spec
		put, err := apps.Deployments(systemNamespace).Update(ctx, d, metav1.UpdateOptions{})
		return put.Generation, err
	}
	d := daemonSet(t, name)
	d.Spec.Template.Spec = spec
	put, err := apps.DaemonSets(systemNamespace).Update(ctx, d, metav1.UpdateOptions{})
	return put.Generation, err
}

// saidBy is what a workload's pods have written, with the events about them and about the pod that needs it.
func saidBy(t *testing.T, name string, ns, pod string) string {
	labels := "app=mic"
	if name != MIC {
		labels = metav1.FormatLabelSelector(daemonSet(t, name).Spec.Selector)
	}
	var all strings.Builder
	for _, p := range PodsOf(t, systemNamespace, labels) {
		before, now := Written(t, p)
		all.WriteString(before + now)
		for _, e := range Events(t, systemNamespace, p.Name) {
			all.WriteString(e.Message + "\n")
		}
	}
	for _, e := range Events(t, ns, pod) {
		all.WriteString(e.Message + "\n")
	}
	return all.String()
}
