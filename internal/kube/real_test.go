//go:build e2e

package kube

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// These run against a real API server whose kubeconfig is named by STRONGROOM_E2E_KUBECONFIG: everything may be done by
// its current context. They hold the server in memory to what the real one does.

const statusDefinition = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io}
spec:
  group: secrets-store.csi.x-k8s.io
  scope: Namespaced
  names: {kind: SecretProviderClassPodStatus, listKind: SecretProviderClassPodStatusList, plural: secretproviderclasspodstatuses, singular: secretproviderclasspodstatus}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func realClient(t *testing.T) *Client {
	t.Helper()
	file := os.Getenv("STRONGROOM_E2E_KUBECONFIG")
	if file == "" {
		t.Fatal("STRONGROOM_E2E_KUBECONFIG names no kubeconfig")
	}
	c, err := New(Config{Kubeconfig: file, UserAgent: "strongroom/e2e", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.ApplyCRDs(t.Context(), []byte(classDefinition+statusDefinition)); err != nil {
		t.Fatal(err)
	}
	return c
}

// namespace makes one that nobody else uses.
func namespace(t *testing.T, c *Client) string {
	t.Helper()
	name := "kube-" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")) + "-" + time.Now().Format("150405")
	create(t, c, []string{"api/v1", "namespaces"}, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+name+`"}}`)
	t.Cleanup(func() {
		_, _ = c.raw(context.WithoutCancel(t.Context()), call{verb: http.MethodDelete, path: []string{"api/v1", "namespaces", name}})
	})
	return name
}

func create(t *testing.T, c *Client, path []string, body string) metadata {
	t.Helper()
	var answer struct {
		Metadata metadata `json:"metadata"`
	}
	raw, err := c.raw(t.Context(), call{verb: http.MethodPost, path: path, body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Metadata
}

func TestRealClasses(t *testing.T) {
	c := realClient(t)
	ns := namespace(t, c)
	s := c.Classes()
	changes := make(chan ClassChange, 1000)
	s.OnChange(func(change ClassChange) {
		if change.Namespace == ns {
			changes <- change
		}
	})
	running(t, s.Run)
	create(t, c, classes.at(ns, ""), `{"apiVersion":"secrets-store.csi.x-k8s.io/v1","kind":"SecretProviderClass","metadata":{"name":"vault"},"spec":{"provider":"azure","parameters":{"a":"b"}}}`)
	if class, err := s.Class(t.Context(), ns, "vault"); err != nil || class.Spec.Parameters["a"] != "b" {
		t.Fatal(class, err)
	}
	next(t, changes)
	if err := c.Annotate(t.Context(), KindClass, ns, "vault", secretsstore.AnnotationRefresh, "now"); err != nil {
		t.Fatal(err)
	}
	if change := next(t, changes); !change.Refresh || change.Spec {
		t.Errorf("%+v", change)
	}
	status := secretsstore.ClassStatus{Conditions: []secretsstore.Condition{{
		Type: secretsstore.ConditionAccepted, Status: secretsstore.False, Reason: "Wrong", Message: "m", LastTransitionTime: time.Now(),
	}}}
	for range 2 {
		if err := c.WriteClassStatus(t.Context(), ns, "vault", 1, status); err != nil {
			t.Fatal(err)
		}
	}
	if change := next(t, changes); change.Refresh || change.Spec {
		t.Errorf("a status: %+v", change)
	}
	silent(t, changes)
	if err := c.WriteClassStatus(t.Context(), ns, "none", 1, status); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	_, err := s.Class(t.Context(), ns, "none")
	if fault.KindOf(err) != fault.NotFound || err.Error() != `secretproviderclasses.secrets-store.csi.x-k8s.io "none" not found` {
		t.Error(err)
	}
}

func TestRealPods(t *testing.T) {
	c := realClient(t)
	ns := namespace(t, c)
	p := c.Pods(ns + "-node")
	heard := news(p.watch)
	refreshed, gone := make(chan string, 10), make(chan string, 10)
	p.OnRefresh(func(uid string) { refreshed <- uid })
	p.OnGone(func(uid string) { gone <- uid })
	running(t, p.Run)
	m := create(t, c, pods.at(ns, ""), `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","ownerReferences":[
		{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"1"},{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"2","controller":true}]},
		"spec":{"nodeName":"`+ns+`-node","containers":[{"name":"a","image":"b"}]}}`)
	next(t, heard)
	if seen, ok := p.FirstSeen(secret.Pod{UID: m.UID}); !ok || time.Since(seen) > time.Minute {
		t.Error(seen, ok)
	}
	pod, err := p.Pod(t.Context(), ns, "web", m.UID)
	if err != nil || len(pod.Owners) != 2 || pod.Owners[0].Kind != "ReplicaSet" || pod.Finished {
		t.Error(pod, err)
	}
	if err := c.Annotate(t.Context(), KindPod, ns, "web", secretsstore.AnnotationRefresh, "now"); err != nil {
		t.Fatal(err)
	}
	if uid := next(t, refreshed); uid != m.UID {
		t.Error(uid)
	}
	if _, err := c.raw(t.Context(), call{verb: http.MethodDelete, path: pods.at(ns, "web"), params: map[string]string{"gracePeriodSeconds": "0"}}); err != nil {
		t.Fatal(err)
	}
	if uid := next(t, gone); uid != m.UID {
		t.Error(uid)
	}
	if _, err := p.Pod(t.Context(), ns, "web", m.UID); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

func TestRealSecrets(t *testing.T) {
	c := realClient(t)
	ns := namespace(t, c)
	checkSecrets(t, c, ns)
	owner := func(uid string) secretsstore.Owner {
		return secretsstore.Owner{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "r" + uid, UID: uid}
	}
	s := c.Secrets()
	seen := make(chan bool, 100)
	s.OnChange(func(namespace, _, _ string, deleted bool) {
		if namespace == ns {
			seen <- deleted
		}
	})
	running(t, s.Run)
	if _, err := s.Apply(t.Context(), Secret{Namespace: ns, Name: "watched", Labels: map[string]string{secretsstore.LabelManaged: "true"}, Owners: []secretsstore.Owner{owner("1")}}); err != nil {
		t.Fatal(err)
	}
	if next(t, seen) {
		t.Error("told as deleted")
	}
}

func TestRealPodStatuses(t *testing.T) {
	c := realClient(t)
	checkPodStatuses(t, c, namespace(t, c))
}

func TestRealEvents(t *testing.T) {
	c := realClient(t)
	ns := namespace(t, c)
	e := c.Events("strongroom-test")
	running(t, e.Run)
	about := About{"v1", "Pod", ns, "web", "1"}
	e.Event(about, true, "Failed", "x")
	e.Event(about, true, "Failed", "x")
	e.Event(about, false, "Done", "y")
	for deadline := time.Now().Add(20 * time.Second); ; {
		var list struct {
			Items []eventObject `json:"items"`
		}
		if err := c.answered(t.Context(), call{verb: http.MethodGet, path: events.at(ns, "")}, &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Items) == 2 && list.Items[0].Count+list.Items[1].Count == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", list)
		}
	}
}

func TestRealLease(t *testing.T) {
	c := realClient(t)
	ns := namespace(t, c)
	lease := Lease{Namespace: ns, Name: "leader", Identity: "one", Duration: 3 * time.Second, Renew: 2 * time.Second, Retry: 200 * time.Millisecond}
	leading := make(chan string, 10)
	contend := func(name string) (stop func()) {
		l := lease
		l.Identity = name
		return running(t, func(ctx context.Context) error {
			return c.Lead(ctx, l, func(ctx context.Context) error {
				leading <- name
				<-ctx.Done()
				return ctx.Err()
			})
		})
	}
	stop := contend("one")
	next(t, leading)
	contend("two")
	time.Sleep(2 * lease.Duration)
	silent(t, leading)
	began := time.Now()
	stop()
	if got := next(t, leading); got != "two" || time.Since(began) > lease.Duration/2 {
		t.Errorf("%s after %s", got, time.Since(began))
	}
}

func TestRealNodes(t *testing.T) {
	c := realClient(t)
	node := "node-" + time.Now().Format("150405")
	n := c.Nodes()
	ready := make(chan string, 100)
	n.OnDriver("d.example", "example/not-ready", func(node string) { ready <- node })
	running(t, n.Run)
	m := create(t, c, nodes.at("", ""), `{"apiVersion":"v1","kind":"Node","metadata":{"name":"`+node+`"},"spec":{"taints":[{"key":"example/not-ready","effect":"NoSchedule"},{"key":"other","effect":"NoSchedule"}]}}`)
	create(t, c, csiNodes.at("", ""), `{"apiVersion":"storage.k8s.io/v1","kind":"CSINode","metadata":{"name":"`+node+`","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"`+node+`","uid":"`+m.UID+`"}]},"spec":{"drivers":[{"name":"d.example","nodeID":"x"}]}}`)
	if got := next(t, ready); got != node {
		t.Error(got)
	}
	for range 2 {
		if err := n.RemoveTaint(t.Context(), node, "example/not-ready"); err != nil {
			t.Error(err)
		}
	}
	raw, err := c.raw(t.Context(), call{verb: http.MethodGet, path: nodes.at("", node)})
	if err != nil || strings.Contains(string(raw), `"example/not-ready"`) || !strings.Contains(string(raw), `"other"`) {
		t.Error(string(raw), err)
	}
}

func TestRealRefusals(t *testing.T) {
	c := realClient(t)
	if v, err := c.Version(t.Context()); err != nil || !strings.HasPrefix(v, "v1.") {
		t.Error(v, err)
	}
	if _, err := c.Driver(t.Context(), "none"); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	file := os.Getenv("STRONGROOM_E2E_DENIED_KUBECONFIG") // a ServiceAccount that may do nothing
	if file == "" {
		return
	}
	denied, err := New(Config{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(denied.Close)
	for _, err := range []error{
		func() error { _, err := denied.Secrets().Get(t.Context(), "shop", "db"); return err }(),
		func() error {
			_, err := denied.Secrets().Apply(t.Context(), Secret{Namespace: "shop", Name: "db"})
			return err
		}(),
		denied.WriteClassStatus(t.Context(), "shop", "vault", 1, secretsstore.ClassStatus{}),
		denied.Nodes().RemoveTaint(t.Context(), "node", "x"),
	} {
		if text := fault.Explain(err); fault.KindOf(err) != fault.Denied || !strings.Contains(text, "--as=system:serviceaccount:") {
			t.Errorf("%v: %s", fault.KindOf(err), text)
		} else {
			t.Log(text)
		}
	}
}

// Whoever runs this restarts the API server when the file appears.
func TestRealRestart(t *testing.T) {
	signal := os.Getenv("STRONGROOM_E2E_RESTART")
	if signal == "" {
		t.Skip("nobody is there to restart the server: STRONGROOM_E2E_RESTART names no file")
	}
	c := realClient(t)
	ns := namespace(t, c)
	said := &lines{said: make(chan string, 1000)}
	c.log = slog.New(said)
	p := c.Pods(ns + "-node")
	heard := news(p.watch)
	running(t, p.Run)
	said.until(t, "watching pods")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	said.until(t, unwatchedPods)
	said.until(t, "watching again pods")
	var err error
	for range 100 {
		if _, err = c.raw(t.Context(), call{verb: http.MethodPost, path: pods.at(ns, ""), body: []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"nodeName":"` + ns + `-node","containers":[{"name":"a","image":"b"}]}}`)}); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	next(t, heard)
	if n := len(said.loud()); n != 2 {
		t.Errorf("%q", said.loud())
	}
}

const unwatchedPods = "cannot be watched, and is tried again pods"
