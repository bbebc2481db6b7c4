package kubefake_test

import (
	"testing"

	"strongroom/internal/kube/kubefake"
)

const (
	jsonPatch = "application/json-patch+json"
	strategic = "application/strategic-merge-patch+json"
	assigned  = "/apis/aadpodidentity.k8s.io/v1/namespaces/default/azureassignedidentities"
)

func TestFinalizersKeepAnObject(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: default, name: a, uid: u1, finalizers: [x, y]}}`)
	if code, answer := ask(t, s, "DELETE", assigned+"/a", plain, `{"preconditions":{"uid":"u2"}}`); code != 409 {
		t.Errorf("another one: %d %v", code, answer)
	}
	code, left := ask(t, s, "DELETE", assigned+"/a", plain, `{"preconditions":{"uid":"u1"}}`)
	if code != 200 || left["kind"] != "AzureAssignedIdentity" || at(left, "metadata", "deletionTimestamp") == nil {
		t.Errorf("marked: %d %v", code, left)
	}
	if _, again := ask(t, s, "DELETE", assigned+"/a", plain, ""); at(again, "metadata", "resourceVersion") != at(left, "metadata", "resourceVersion") {
		t.Error("asked for twice, it changed twice")
	}
	patch := func(body string) (int, kubefake.Object) { return ask(t, s, "PATCH", assigned+"/a", merge, body) }
	version, _ := at(left, "metadata", "resourceVersion").(string)
	if code, answer := patch(`{"metadata":{"resourceVersion":"` + version + `","finalizers":["x","z"]}}`); code != 422 {
		t.Errorf("a new finalizer: %d %v", code, answer)
	}
	if code, answer := patch(`{"metadata":{"deletionTimestamp":null,"finalizers":["y"]}}`); code != 200 || at(answer, "metadata", "deletionTimestamp") == nil {
		t.Errorf("back to life: %d %v", code, answer)
	}
	if code, _ := patch(`{"metadata":{"finalizers":null}}`); code != 200 || len(s.List("azureassignedidentities")) != 0 {
		t.Errorf("%d, %v", code, s.List("azureassignedidentities"))
	}
	s.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: web, deletionTimestamp: '2030-01-01T00:00:00Z'}}`)
	if code, _ := ask(t, s, "PATCH", pods+"/web", merge, `{"metadata":{"labels":{"a":"b"}}}`); code != 200 || len(s.List("pods")) != 1 {
		t.Errorf("%d: a pod that has time to end went at once", code)
	}
}

func TestPatchesOfEverySort(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Put(`{apiVersion: aadpodidentity.k8s.io/v1, kind: AzureAssignedIdentity, metadata: {namespace: default, name: a, uid: u1, labels: {a/b: c}}, status: {status: Created}}`)
	patch := func(body string) (int, kubefake.Object) {
		return ask(t, s, "PATCH", assigned+"/a", jsonPatch, body)
	}
	code, o := patch(`[{"op":"test","path":"/metadata/uid","value":"u1"},{"op":"replace","path":"/status/status","value":"Assigned"},
		{"op":"remove","path":"/metadata/labels/a~1b"},{"op":"add","path":"/spec","value":{"pod":"p"}}]`)
	labels, _ := at(o, "metadata", "labels").(kubefake.Object)
	if code != 200 || at(o, "status", "status") != "Assigned" || len(labels) != 0 || at(o, "spec", "pod") != "p" {
		t.Errorf("%d %v", code, o)
	}
	for _, unfit := range []string{
		`[{"op":"test","path":"/metadata/uid","value":"u2"},{"op":"replace","path":"/status/status","value":"X"}]`,
		`[{"op":"replace","path":"/status/none","value":"X"}]`, `[{"op":"remove","path":"/none"}]`, `[{"op":"add","path":"/none/status","value":"X"}]`,
		`[{"op":"add","path":"","value":"X"}]`, `[{"op":"copy","path":"/spec"}]`,
	} {
		if code, o := patch(unfit); code != 422 {
			t.Errorf("%s: %d %v", unfit, code, o)
		}
	}
	if code, _ := patch(`{}`); code != 400 {
		t.Error("no list of steps:", code)
	}
	if code, _ := ask(t, s, "PATCH", assigned+"/a", strategic, `{}`); code != 415 {
		t.Error("a defined kind has no strategy:", code)
	}
	s.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: web, uid: u1}, status: {phase: Running, conditions: [{type: Ready, status: "True", reason: r}]}}`)
	code, o = ask(t, s, "PATCH", pods+"/web/status", strategic, `{"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"Other","status":"True"}]}}`)
	conditions, _ := at(o, "status", "conditions").([]any)
	if code != 200 || len(conditions) != 2 || at(o, "status", "phase") != "Running" || conditions[0].(kubefake.Object)["reason"] != "r" || conditions[0].(kubefake.Object)["status"] != "False" {
		t.Errorf("%d %v", code, o)
	}
	if _, o = ask(t, s, "PATCH", pods+"/web", merge, `{"status":{"phase":"Failed"}}`); at(o, "status", "phase") != "Running" {
		t.Error("a pod's status is changed apart from it")
	}
}

func TestALabelIsSelectedWhateverItsValue(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {l: ""}}}`)
	s.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {l: x}}}`)
	s.Put(`{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: c}}`)
	_, list := ask(t, s, "GET", "/api/v1/pods?labelSelector=l", plain, "")
	if items, _ := list["items"].([]any); len(items) != 2 {
		t.Errorf("%d items", len(items))
	}
}
