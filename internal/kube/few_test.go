package kube

import (
	"slices"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

func TestTheVersionIsTheServersOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if v, err := w.client.Version(t.Context()); err != nil || v != "v1.36.0-fake" {
		t.Error(v, err)
	}
}

func TestACSIDriverIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.client.Driver(t.Context(), secretsstore.DriverName); fault.KindOf(err) != fault.NotFound {
		t.Errorf("none: %v", err)
	}
	w.Put(`{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: secrets-store.csi.k8s.io, labels: {a: b}, annotations: {c: d}},
		spec: {requiresRepublish: true, tokenRequests: [{audience: one}, {audience: two}]}}`)
	d, err := w.client.Driver(t.Context(), secretsstore.DriverName)
	if err != nil || !d.RequiresRepublish || !slices.Equal(d.TokenAudiences, []string{"one", "two"}) || d.Labels["a"] != "b" || d.Annotations["c"] != "d" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestAnAnnotationIsAllThatIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(vaultClass)
	if err := w.client.Annotate(t.Context(), KindClass, "shop", "vault", "k", "v"); err != nil {
		t.Fatal(err)
	}
	class, _ := w.Get("secretproviderclasses", "shop", "vault")
	m := class["metadata"].(kubefake.Object)
	if a := m["annotations"].(kubefake.Object); a["k"] != "v" || a["note"] != "of no interest" || m["labels"].(kubefake.Object)["team"] != "shop" || m["generation"] != int64(1) {
		t.Errorf("%+v", m)
	}
	if err := w.client.Annotate(t.Context(), KindPod, "shop", "none", "k", "v"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no pod: %v", err)
	}
	if err := w.client.Annotate(t.Context(), "secret", "shop", "db", "k", "v"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another kind: %v", err)
	}
}

func TestAClassStatusIsWrittenApartFromTheClass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(vaultClass)
	status := secretsstore.ClassStatus{Conditions: []secretsstore.Condition{{
		Type: secretsstore.ConditionAccepted, Status: secretsstore.False, Reason: "Rejected", Message: "m",
		LastTransitionTime: time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC),
	}}}
	if err := w.client.WriteClassStatus(t.Context(), "shop", "vault", 7, status); err != nil {
		t.Fatal(err)
	}
	class, _ := w.Get("secretproviderclasses", "shop", "vault")
	condition := class["status"].(kubefake.Object)["conditions"].([]any)[0].(kubefake.Object)
	if condition["status"] != "False" || condition["observedGeneration"] != float64(7) || condition["lastTransitionTime"] != "2030-01-02T03:04:05Z" {
		t.Errorf("%+v", condition)
	}
	if class["spec"].(kubefake.Object)["provider"] != "azure" || class["metadata"].(kubefake.Object)["generation"] != int64(1) {
		t.Errorf("the class was changed: %+v", class)
	}
	if status.Conditions[0].ObservedGeneration != 0 {
		t.Error("the caller's conditions were changed")
	}
	before := class["metadata"].(kubefake.Object)["resourceVersion"]
	if err := w.client.WriteClassStatus(t.Context(), "shop", "vault", 7, status); err != nil {
		t.Fatal(err)
	}
	class, _ = w.Get("secretproviderclasses", "shop", "vault")
	if class["metadata"].(kubefake.Object)["resourceVersion"] != before {
		t.Error("the same status made a new version")
	}
	if err := w.client.WriteClassStatus(t.Context(), "shop", "none", 1, status); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no class: %v", err)
	}
}

func TestAConfigurationThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{Kubeconfig: "/does/not/exist"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no file: %v", err)
	}
	w := newWorld(t)
	if _, err := w.client.Version(t.Context()); err != nil {
		t.Error(err)
	}
	if w.client.rest.GetRateLimiter().QPS() != callsPerSecond {
		t.Error("no bound on requests")
	}
}
