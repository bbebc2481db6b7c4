package kube

import (
	"net/http"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

const (
	taintedNode = "{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {taints: [{key: a/not-ready, effect: NoSchedule}, {key: other, effect: NoExecute}, {key: a/not-ready, effect: NoExecute}]}}"
	readyDriver = "{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: n1}, spec: {drivers: [{name: other.example}, {name: d.example}]}}"
)

func TestANodeIsToldOnceTaintAndDriverMeet(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{"the node first": {taintedNode, readyDriver}, "the driver first": {readyDriver, taintedNode}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := w.client.Nodes()
			told := make(chan string, 100)
			n.OnDriver("d.example", "a/not-ready", func(node string) { told <- node })
			n.OnDriver("d.example", "not-there", func(node string) { t.Error("told of a taint that is not there") })
			n.OnDriver("none.example", "a/not-ready", func(node string) { t.Error("told of a driver that is not there") })
			w.Put("{apiVersion: v1, kind: Node, metadata: {name: clean}}")
			running(t, n.Run)
			for _, manifest := range order {
				w.Put(manifest)
			}
			if node := next(t, told); node != "n1" {
				t.Error(node)
			}
		})
	}
}

func TestATaintIsRemovedWithoutTouchingOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(taintedNode)
	w.Fail(kubefake.Fault{Verb: "patch", Resource: "nodes", Times: 1, Status: http.StatusConflict}) // somebody was faster
	n := w.client.Nodes()
	if err := n.RemoveTaint(t.Context(), "n1", "a/not-ready"); err != nil {
		t.Fatal(err)
	}
	node, _ := w.Get("nodes", "", "n1")
	taints := node["spec"].(kubefake.Object)["taints"].([]any)
	if len(taints) != 1 || taints[0].(kubefake.Object)["key"] != "other" {
		t.Errorf("taints: %v", taints)
	}
	w.ForgetCalls()
	if err := n.RemoveTaint(t.Context(), "n1", "a/not-ready"); err != nil || w.Writes() != 0 {
		t.Errorf("a clean node: %v, %v", err, w.Calls())
	}
	if err := n.RemoveTaint(t.Context(), "gone", "a/not-ready"); err != nil {
		t.Error(err)
	}
	w.Put(taintedNode)
	w.Fail(kubefake.Fault{Verb: "patch", Resource: "nodes", Status: http.StatusConflict})
	if err := n.RemoveTaint(t.Context(), "n1", "a/not-ready"); fault.KindOf(err) != fault.Busy {
		t.Errorf("a node that is written to all the time: %v", err)
	}
}

// A node's object is large: many are read a page at a time.
func TestManyNodesAreReadInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range nodePage + 1 {
		w.Put("{apiVersion: v1, kind: Node, metadata: {name: n" + string(rune('a'+i%26)) + "-" + string(rune('a'+i/26)) + "}, status: {images: [{names: [x]}]}}")
	}
	n := w.client.Nodes()
	heard := news(n.nodes)
	running(t, n.Run)
	for range nodePage + 1 {
		next(t, heard)
	}
	if lists := w.Count("list", "nodes"); lists != 2 {
		t.Errorf("%d lists", lists)
	}
}
