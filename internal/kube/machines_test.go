package kube

import (
	"slices"
	"strings"
	"testing"
)

func TestMachinesAreNodesAndWhatTheyRunOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.client.Machines()
	heard, told := news(s.watch), make(chan struct{}, 100)
	s.OnChange(func() { told <- struct{}{} })
	w.Put("{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {providerID: 'azure:///x'}}")
	w.Put("{apiVersion: v1, kind: Node, metadata: {name: b}}")
	running(t, s.Run)
	w.opened(t, "nodes")
	for range 2 {
		next(t, heard)
		next(t, told)
	}
	w.Put("{apiVersion: v1, kind: Node, metadata: {name: b, labels: {a: b}}, status: {images: [{names: [x]}]}}")
	next(t, heard)
	silent(t, told)
	w.Put("{apiVersion: v1, kind: Node, metadata: {name: b}, spec: {providerID: 'azure:///y'}}")
	next(t, told)
	w.Delete("nodes", "", "a")
	next(t, told)
	if list := s.List(); !slices.Equal(list, []Machine{{"b", "azure:///y"}}) || !s.Synced() {
		t.Errorf("%+v", list)
	}
}

const (
	agentTaint = "{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {taints: [{key: a/not-ready, effect: NoSchedule}]}}"
	readyAgent = "{apiVersion: v1, kind: Pod, metadata: {namespace: sys, name: nmi-x, uid: u1, labels: {app: nmi}}, spec: {nodeName: n1}, status: {conditions: [{type: Initialized, status: 'True'}, {type: Ready, status: 'True'}]}}"
)

func TestANodeIsToldOnceTaintAndAgentMeet(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{"the node first": {agentTaint, readyAgent}, "the agent first": {readyAgent, agentTaint}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := w.client.Nodes()
			told := make(chan string, 100)
			n.OnAgent("sys", "app=nmi", "a/not-ready", func(node string) { told <- node })
			n.OnAgent("sys", "app=nmi", "not-there", func(string) { t.Error("told of a taint that is not there") })
			n.OnAgent("sys", "app=other", "a/not-ready", func(string) { t.Error("told of another's pod") })
			n.OnAgent("other", "app=nmi", "a/not-ready", func(string) { t.Error("told of a pod of another namespace") })
			running(t, n.Run)
			for _, manifest := range order {
				w.Put(manifest)
			}
			if node := next(t, told); node != "n1" {
				t.Error(node)
			}
			if n := w.Count("", "csinodes"); n != 0 {
				t.Errorf("%d calls for drivers nobody waits for", n)
			}
		})
	}
}

func TestAnAgentThatIsNotReadyIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.client.Nodes()
	told := make(chan string, 100)
	n.OnAgent("sys", "app=nmi", "a/not-ready", func(node string) { told <- node })
	heard := news(n.agents[0].pods)
	w.Put(agentTaint)
	w.Put(strings.Replace(readyAgent, "Ready, status: 'True'", "Ready, status: 'False'", 1))
	running(t, n.Run)
	next(t, heard)
	for !n.Synced() {
		<-w.log.said
	}
	w.Put(strings.Replace(readyAgent, "uid: u1", "uid: u1, deletionTimestamp: '2030-01-01T00:00:00Z'", 1))
	next(t, heard)
	silent(t, told)
	w.Put(strings.ReplaceAll(strings.Replace(readyAgent, "nmi-x", "nmi-y", 1), "u1", "u2"))
	if node := next(t, told); node != "n1" {
		t.Error(node)
	}
	next(t, heard)
	w.Delete("pods", "sys", "nmi-y")
	next(t, heard)
	if n.agents[0].readyOn("n1") {
		t.Error("a pod that is gone is ready")
	}
}
