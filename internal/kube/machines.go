package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Machine is a node and what it runs on.
type Machine struct {
	Node string
	// ProviderID is what the cloud calls the machine, azure:///subscriptions/... in Azure; empty before that is known.
	ProviderID string
}

// Machines are those of the whole cluster.
type Machines struct {
	watch *watch[Machine]
	tell  []func()
}

// Machines watches nothing until it is run.
func (c *Client) Machines() *Machines {
	s := &Machines{}
	s.watch = newWatch(c, source{
		kind: nodes, object: &corev1.Node{}, list: func() runtime.Object { return &corev1.NodeList{} }, page: nodePage, shed: shedMachine,
	}, func(o runtime.Object) string { return o.(*corev1.Node).Name }, machine, s.changed)
	return s
}

// Run watches until ctx ends, and then returns nil.
func (s *Machines) Run(ctx context.Context) error {
	s.watch.run(ctx)
	return nil
}

// Synced is true once all nodes have been seen, and stays so.
func (s *Machines) Synced() bool { return s.watch.hasSynced() }

// OnChange registers who is told that a node is new, gone, or runs on another machine. It belongs before Run, and what it
// registers must not block.
func (s *Machines) OnChange(tell func()) { s.tell = append(s.tell, tell) }

// List is every one that is watched, in no order.
func (s *Machines) List() []Machine { return s.watch.all() }

func (s *Machines) changed(before, after *Machine) {
	if before != nil && after != nil && *before == *after {
		return
	}
	for _, tell := range s.tell {
		tell()
	}
}

// shedMachine leaves of a node only what machine reads.
func shedMachine(object runtime.Object) {
	o := object.(*corev1.Node)
	o.ObjectMeta = metav1.ObjectMeta{Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion}
	o.Spec = corev1.NodeSpec{ProviderID: o.Spec.ProviderID}
	o.Status = corev1.NodeStatus{}
}

func machine(object runtime.Object, _ *Machine) Machine {
	o := object.(*corev1.Node)
	return Machine{Node: o.Name, ProviderID: o.Spec.ProviderID}
}
