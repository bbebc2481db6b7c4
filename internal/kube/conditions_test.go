package kube

import (
	"strings"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

var awaited = secretsstore.Condition{
	Type: "aadpodidentity.k8s.io/Ready", Status: secretsstore.False, Reason: "Awaited", Message: "m", LastTransitionTime: time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC),
}

func TestAnIdentitysConditionsAreAllThatIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureIdentity, metadata: {namespace: shop, name: a}, spec: {ResourceID: R}, status: {availableReplicas: 1}}`)
	var version any
	for try := range 2 {
		if err := w.client.WriteIdentityStatus(t.Context(), "shop", "a", []secretsstore.Condition{awaited}); err != nil {
			t.Fatal(err)
		}
		o, _ := w.Get("azureidentities", "shop", "a")
		status := o["status"].(kubefake.Object)
		c := status["conditions"].([]any)[0].(kubefake.Object)
		if o["spec"].(kubefake.Object)["ResourceID"] != "R" || status["availableReplicas"] != float64(1) || c["reason"] != "Awaited" || c["lastTransitionTime"] != "2030-01-02T03:04:05Z" {
			t.Errorf("%v", o)
		}
		if now := o["metadata"].(kubefake.Object)["resourceVersion"]; try > 0 && now != version {
			t.Error("the same again made a new version")
		} else {
			version = now
		}
	}
	if err := w.client.WriteIdentityStatus(t.Context(), "shop", "none", nil); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	w.Deny("patch", "azureidentities")
	if text := fault.Explain(w.client.WriteIdentityStatus(t.Context(), "shop", "a", nil)); !strings.Contains(text, "can-i patch azureidentities.aadpodidentity.k8s.io -n shop") {
		t.Error(text)
	}
}

func TestAPodsConditionStandsBesideOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: web, uid: u1}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`)
	for _, status := range []string{secretsstore.False, secretsstore.True} {
		c := awaited
		c.Status = status
		if err := w.client.WritePodCondition(t.Context(), "shop", "web", "u1", c); err != nil {
			t.Fatal(err)
		}
		o, _ := w.Get("pods", "shop", "web")
		list := o["status"].(kubefake.Object)["conditions"].([]any)
		if len(list) != 2 || list[1].(kubefake.Object)["status"] != status || o["status"].(kubefake.Object)["phase"] != "Running" {
			t.Errorf("%v", o)
		}
	}
	for name, uid := range map[string]string{"web": "u2", "none": "u1"} {
		if err := w.client.WritePodCondition(t.Context(), "shop", name, uid, awaited); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s %s: %v", name, uid, err)
		}
	}
	w.Deny("patch", "pods")
	if text := fault.Explain(w.client.WritePodCondition(t.Context(), "shop", "web", "u1", awaited)); !strings.Contains(text, "can-i patch pods -n shop --subresource=status") {
		t.Error(text)
	}
}

func TestAdaemonSetStandsUntilItIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expect := func(what string, want bool) {
		t.Helper()
		if stands, err := w.client.DaemonSet("sys", "nmi").Stands(t.Context()); err != nil || stands != want {
			t.Errorf("%s: %v %v", what, stands, err)
		}
	}
	expect("none", false)
	w.Put("{apiVersion: apps/v1, kind: DaemonSet, metadata: {namespace: sys, name: nmi, finalizers: [foregroundDeletion]}}")
	expect("there", true)
	w.Delete("daemonsets", "sys", "nmi")
	expect("on its way out", false)
	w.Deny("get", "daemonsets")
	if _, err := w.client.DaemonSet("sys", "nmi").Stands(t.Context()); fault.KindOf(err) != fault.Denied {
		t.Error(err)
	}
}

func TestRequestsAreBoundedAsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, err := Config{Kubeconfig: w.file(t), CallsPerSecond: 300, CallsAtOnce: 7}.restConfig()
	if err != nil || config.QPS != 300 || config.Burst != 7 {
		t.Errorf("%v %v %v", config.QPS, config.Burst, err)
	}
}
