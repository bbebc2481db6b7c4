package kube

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// agentRule waits for a ready pod of an agent on nodes that carry a taint.
type agentRule struct {
	taint  string
	tell   func(node string)
	pods   *watch[agent]
	byNode map[string][]string // keys of the watch; guarded by its lock
}

// agent is a pod of a DaemonSet that a node needs.
type agent struct {
	uid, node string
	ready     bool // and not about to go
}

// OnAgent registers who is told of a node on which a pod of that namespace and label selector is ready while the node
// carries a taint of that key; again at every change of either as long as that is so. It belongs before Run. What it
// registers must not block, and may be called by several goroutines at once.
func (n *Nodes) OnAgent(namespace, labelSelector, taintKey string, tell func(node string)) {
	a := &agentRule{taint: taintKey, tell: tell, byNode: map[string][]string{}}
	a.pods = newWatch(n.client, source{
		kind: pods, namespace: namespace, labels: labelSelector, page: manyPage, shed: shedAgent,
		object: &corev1.Pod{}, list: func() runtime.Object { return &corev1.PodList{} },
	}, func(o runtime.Object) string { return string(o.(*corev1.Pod).UID) }, trimAgent, func(_, after *agent) {
		if after != nil {
			n.judge(after.node)
		}
	})
	a.pods.index = func(before, after *agent) {
		if before != nil {
			drop(a.byNode, before.node, before.uid)
		}
		if after != nil {
			add(a.byNode, after.node, after.uid)
		}
	}
	n.agents = append(n.agents, a)
}

func (a *agentRule) readyOn(node string) bool {
	for _, pod := range a.pods.under(func() []string { return a.byNode[node] }) {
		if pod.ready {
			return true
		}
	}
	return false
}

// shedAgent leaves of a pod only what trimAgent reads.
func shedAgent(object runtime.Object) {
	o := object.(*corev1.Pod)
	o.ObjectMeta = metav1.ObjectMeta{
		Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion, DeletionTimestamp: o.DeletionTimestamp,
	}
	o.Spec = corev1.PodSpec{NodeName: o.Spec.NodeName}
	o.Status = corev1.PodStatus{Conditions: o.Status.Conditions}
}

func trimAgent(object runtime.Object, _ *agent) agent {
	o := object.(*corev1.Pod)
	a := agent{uid: string(o.UID), node: o.Spec.NodeName}
	for _, c := range o.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			a.ready = o.DeletionTimestamp == nil
		}
	}
	return a
}
