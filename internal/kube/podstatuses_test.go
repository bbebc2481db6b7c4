package kube

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/secretsstore"
)

// checkPodStatuses is what they promise, of whatever server.
func checkPodStatuses(t *testing.T, c *Client, namespace string) {
	t.Helper()
	node := "node-of-" + namespace
	p := c.PodStatuses(node)
	status := secretsstore.PodStatus{
		Name: secretsstore.StatusName("web", namespace, "vault"), Namespace: namespace, Node: node,
		Pod: secretsstore.Owner{APIVersion: "v1", Kind: "Pod", Name: "web", UID: "1"},
		Status: secretsstore.MountStatus{
			PodName: "web", ClassName: "vault", TargetPath: "/var/lib", Mounted: true,
			Objects:    []secretsstore.ObjectVersion{{ID: "secret/a", Version: "1"}, {ID: "secret/b", Version: "2"}},
			Conditions: []secretsstore.Condition{{Type: secretsstore.ConditionFresh, Status: secretsstore.True, Reason: "r", LastTransitionTime: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}},
		},
	}
	check := func(what string) {
		t.Helper()
		list, err := p.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]secretsstore.PodStatus{status}, list); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	write := func() {
		t.Helper()
		if err := p.Write(t.Context(), status); err != nil {
			t.Fatal(err)
		}
	}
	write()
	check("a new one")
	write()
	check("the same again")
	status.Pod.UID = "2" // a StatefulSet's next pod
	status.Status.Objects = status.Status.Objects[:1]
	status.Status.Conditions[0].Status = secretsstore.False
	write()
	check("another pod of that name")
	status.Status.Conditions = nil
	write()
	check("without what it had")
}

func TestPodStatusesSayWhatTheyAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	checkPodStatuses(t, w.client, "shop")
	w.ForgetCalls()
	if err := w.client.PodStatuses("n").Write(t.Context(), secretsstore.PodStatus{Name: "x", Namespace: "shop"}); err != nil {
		t.Fatal(err)
	}
	if len(w.Calls()) != 1 {
		t.Errorf("a write took %v", w.Calls())
	}
}

// What upstream's driver wrote before is taken over, not added to.
func TestAPodStatusOfSomebodyElseIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(`
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClassPodStatus
metadata: {namespace: shop, name: web-shop-vault, labels: {internal.secrets-store.csi.k8s.io/node-name: elsewhere}}
status: {mounted: true, podName: web, objects: [{id: secret/a, version: "1"}, {id: secret/b, version: "1"}]}
`)
	status := secretsstore.PodStatus{Name: "web-shop-vault", Namespace: "shop", Status: secretsstore.MountStatus{Mounted: true, Objects: []secretsstore.ObjectVersion{{ID: "secret/c", Version: "1"}}}}
	if err := w.client.PodStatuses("here").Write(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	list, err := w.client.PodStatuses("here").List(t.Context())
	if err != nil || len(list) != 1 || len(list[0].Status.Objects) != 1 || list[0].Status.Objects[0].ID != "secret/c" {
		t.Errorf("%+v, %v", list, err)
	}
}
