package kubefake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"strongroom/internal/kube/kubefake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *kubefake.Server {
	t.Helper()
	s, err := kubefake.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// ask makes a call and gives the status and the answer.
func ask(t *testing.T, s *kubefake.Server, method, path, media, body string) (int, kubefake.Object) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", media)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer kubefake.Object
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return response.StatusCode, answer
}

const (
	plain   = "application/json"
	applied = "application/apply-patch+yaml"
	merge   = "application/merge-patch+json"
	pods    = "/api/v1/namespaces/shop/pods"
)

func at(o kubefake.Object, path ...string) any {
	var v any = o
	for _, step := range path {
		inner, _ := v.(kubefake.Object)
		v = inner[step]
	}
	return v
}

func TestWritesKeepTheServersPromises(t *testing.T) {
	t.Parallel()
	s := start(t)
	expect := func(what string, want int, method, path, media, body string) kubefake.Object {
		t.Helper()
		code, answer := ask(t, s, method, path, media, body)
		if code != want {
			t.Errorf("%s: %d %v", what, code, answer)
		}
		return answer
	}
	made := expect("create", 201, "POST", pods, plain, `{"metadata":{"name":"web"},"spec":{"nodeName":"n1"}}`)
	if at(made, "metadata", "uid") == nil || at(made, "metadata", "namespace") != "shop" || made["kind"] != "Pod" {
		t.Errorf("created: %v", made)
	}
	expect("create again", 409, "POST", pods, plain, `{"metadata":{"name":"web"}}`)
	same := expect("an update with nothing new", 200, "PUT", pods+"/web", plain, `{"metadata":{"name":"web","namespace":"shop"},"apiVersion":"v1","kind":"Pod","spec":{"nodeName":"n1"}}`)
	if at(same, "metadata", "resourceVersion") != at(made, "metadata", "resourceVersion") {
		t.Error("a write that changes nothing made a new version")
	}
	next := expect("merge", 200, "PATCH", pods+"/web", merge, `{"metadata":{"labels":{"a":"b"}},"spec":{"nodeName":null}}`)
	if at(next, "metadata", "labels", "a") != "b" || at(next, "spec", "nodeName") != nil {
		t.Errorf("merged: %v", next)
	}
	old, _ := at(made, "metadata", "resourceVersion").(string)
	expect("a state that has passed", 409, "PATCH", pods+"/web", merge, `{"metadata":{"resourceVersion":"`+old+`"}}`)
	expect("another object", 422, "PATCH", pods+"/web", merge, `{"metadata":{"uid":"other"}}`)
	expect("no body to read", 400, "POST", pods, plain, `{`)
	expect("another kind of patch", 415, "PATCH", pods+"/web", "application/unknown", `{}`)
	expect("delete", 200, "DELETE", pods+"/web", plain, "")
	expect("nothing there", 404, "GET", pods+"/web", plain, "")
	expect("nothing served", 404, "GET", "/apis/none/v1/things", plain, "")
	if s.Count("patch", "pods") != 4 || s.Writes() != 9 || len(s.Calls()) != 11 {
		t.Errorf("%d patches, %d writes, %d calls", s.Count("patch", "pods"), s.Writes(), len(s.Calls()))
	}
}

func TestAnApplyOwnsWhatItNames(t *testing.T) {
	t.Parallel()
	s := start(t)
	do := func(manager, force, body string) (int, kubefake.Object) {
		return ask(t, s, "PATCH", pods+"/web?fieldManager="+manager+"&force="+force, applied, body)
	}
	if code, _ := do("", "", `{}`); code != 400 {
		t.Error("nobody may apply:", code)
	}
	do("one", "", `{metadata: {labels: {a: "1", b: "1"}, ownerReferences: [{uid: x}, {uid: y}]}, spec: {nodeName: n}}`)
	do("two", "", `{metadata: {labels: {b: "1", c: "2"}, ownerReferences: [{uid: z}]}}`)
	code, o := do("one", "", `{metadata: {labels: {a: "1"}, ownerReferences: [{uid: y}]}}`)
	labels, _ := at(o, "metadata", "labels").(kubefake.Object)
	owners, _ := at(o, "metadata", "ownerReferences").([]any)
	if code != 200 || len(labels) != 3 || labels["b"] != "1" || len(owners) != 2 || at(o, "spec", "nodeName") != nil {
		t.Errorf("%d: what two of them own must stay, what one gave up must go: %v", code, o)
	}
	if code, answer := do("one", "false", `{metadata: {labels: {c: "3"}}}`); code != 409 || !strings.Contains(answer["message"].(string), ".metadata.labels.c") {
		t.Errorf("another's field: %d %v", code, answer)
	}
	if code, o := do("one", "true", `{metadata: {labels: {c: "3"}}}`); code != 200 || at(o, "metadata", "labels", "c") != "3" {
		t.Errorf("by force: %d %v", code, o)
	}
}

func TestOrphansAreCollected(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Put(`
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {namespace: shop, name: r, uid: r1}}
---
{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: p, uid: p1, ownerReferences: [{uid: r1}]}}
---
{apiVersion: v1, kind: Secret, metadata: {namespace: shop, name: s, ownerReferences: [{uid: p1}, {uid: gone}]}}
---
{apiVersion: v1, kind: Secret, metadata: {namespace: shop, name: free}}
`)
	if n := s.Collect(); n != 0 {
		t.Errorf("%d collected, whose owners live", n)
	}
	s.Delete("replicasets", "shop", "r")
	if n := s.Collect(); n != 2 || len(s.List("secrets")) != 1 {
		t.Errorf("%d collected", n)
	}
}

func TestListsAreSelectedAndPaged(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"a", "b", "c"} {
		s.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: ` + name + `, labels: {l: x}}, spec: {nodeName: n1}}`)
	}
	s.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: other, name: d, labels: {l: x}}, spec: {nodeName: n2}}`)
	for path, want := range map[string]int{
		"/api/v1/pods": 4, pods: 3, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2": 1, "/api/v1/pods?labelSelector=l%3Dx": 4,
		"/api/v1/pods?labelSelector=l%3Dy": 0, "/api/v1/pods?limit=3": 3, "/api/v1/pods?limit=3&continue=3": 1,
	} {
		code, list := ask(t, s, "GET", path, plain, "")
		items, _ := list["items"].([]any)
		if code != 200 || len(items) != want || list["kind"] != "PodList" {
			t.Errorf("%s: %d, %d items", path, code, len(items))
		}
	}
}

func TestFaultsComeAndGo(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Fail(kubefake.Fault{Verb: "list", Resource: "pods", Times: 2, Status: 429, RetryAfter: 3})
	s.Deny("list", "pods")
	for i, want := range []int{429, 429, 403, 403} {
		code, answer := ask(t, s, "GET", pods, plain, "")
		if code != want {
			t.Errorf("call %d: %d %v", i, code, answer)
		}
	}
	if code, _ := ask(t, s, "GET", "/api/v1/nodes", plain, ""); code != 200 {
		t.Error("another resource failed:", code)
	}
	s.Heal()
	if code, _ := ask(t, s, "GET", pods, plain, ""); code != 200 {
		t.Error("not healed:", code)
	}
}
