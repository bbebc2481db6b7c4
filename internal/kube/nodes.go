package kube

import (
	"context"
	"net/http"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/internal/fault"
)

// nodePage is how many nodes are read at once: a node's object is tens of kilobytes, a cluster may have thousands.
const nodePage = 200

// taintTries is how often a taint is tried to be removed from a node that others write to as well.
const taintTries = 5

// Nodes tell which nodes carry a taint although what it waits for is there: a driver, or a pod of an agent.
type Nodes struct {
	client *Client
	nodes  *watch[taints]
	csi    *watch[drivers]
	rules  []rule
	agents []*agentRule
}

// taints of a node, by key.
type taints struct {
	node string
	keys []string
}

// drivers that a node's kubelet knows.
type drivers struct {
	node  string
	names []string
}

type rule struct {
	driver, taint string
	tell          func(node string)
}

// Nodes watches nothing until it is run.
func (c *Client) Nodes() *Nodes {
	n := &Nodes{client: c}
	n.nodes = newWatch(c, source{
		kind: nodes, object: &corev1.Node{}, list: func() runtime.Object { return &corev1.NodeList{} }, page: nodePage, shed: shedNode,
	}, func(o runtime.Object) string { return o.(*corev1.Node).Name }, trimNode, n.nodeChanged)
	n.csi = newWatch(c, source{
		kind: csiNodes, object: &storagev1.CSINode{}, list: func() runtime.Object { return &storagev1.CSINodeList{} },
	}, func(o runtime.Object) string { return o.(*storagev1.CSINode).Name }, trimCSINode, n.driversChanged)
	return n
}

// Run watches until ctx ends, and then returns nil. Drivers are watched when somebody waits for one, agents likewise.
func (n *Nodes) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { n.nodes.run(ctx) })
	if len(n.rules) > 0 {
		all.Go(func() { n.csi.run(ctx) })
	}
	for _, a := range n.agents {
		all.Go(func() { a.pods.run(ctx) })
	}
	all.Wait()
	return nil
}

// Synced is true once all nodes have been seen, with all drivers and agents that are waited for, and stays so.
func (n *Nodes) Synced() bool {
	synced := n.nodes.hasSynced() && (len(n.rules) == 0 || n.csi.hasSynced())
	for _, a := range n.agents {
		synced = synced && a.pods.hasSynced()
	}
	return synced
}

// OnDriver registers who is told of a node whose kubelet knows the driver while the node carries a taint of that key;
// again at every change of the node as long as that is so. It belongs before Run. What it registers must not block, and
// may be called by two goroutines at once.
func (n *Nodes) OnDriver(driver, taintKey string, tell func(node string)) {
	n.rules = append(n.rules, rule{driver, taintKey, tell})
}

// RemoveTaint takes every taint of that key off a node, whatever its effect. One that has none, or is gone, is done.
func (n *Nodes) RemoveTaint(ctx context.Context, node, key string) error {
	for try := 1; ; try++ {
		err := n.removeTaint(ctx, node, key)
		if fault.KindOf(err) != fault.Busy || try == taintTries {
			return err
		}
	}
}

// removeTaint fails as Busy when somebody wrote to the node between the reading and the writing.
func (n *Nodes) removeTaint(ctx context.Context, name, key string) error {
	var node corev1.Node
	err := n.client.read(ctx, call{verb: http.MethodGet, path: nodes.at("", name)}, &node)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(node.Spec.Taints), func(t corev1.Taint) bool { return t.Key == key })
	if len(left) == len(node.Spec.Taints) {
		return nil
	}
	_, err = n.client.raw(ctx, merge(nodes.at("", name), map[string]any{
		"metadata": map[string]any{"resourceVersion": node.ResourceVersion, "uid": node.UID},
		"spec":     map[string]any{"taints": left},
	}))
	return err
}

func (n *Nodes) nodeChanged(_, after *taints) {
	if after != nil {
		n.judge(after.node)
	}
}

func (n *Nodes) driversChanged(_, after *drivers) {
	if after != nil {
		n.judge(after.node)
	}
}

// judge looks at both halves, whichever of them is the news.
func (n *Nodes) judge(node string) {
	t, _ := n.nodes.get(node)
	d, _ := n.csi.get(node)
	for _, r := range n.rules {
		if slices.Contains(t.keys, r.taint) && slices.Contains(d.names, r.driver) {
			r.tell(node)
		}
	}
	for _, a := range n.agents {
		if slices.Contains(t.keys, a.taint) && a.readyOn(node) {
			a.tell(node)
		}
	}
}

// shedNode leaves of a node only what trimNode reads.
func shedNode(object runtime.Object) {
	o := object.(*corev1.Node)
	o.ObjectMeta = metav1.ObjectMeta{Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion}
	o.Spec = corev1.NodeSpec{Taints: o.Spec.Taints}
	o.Status = corev1.NodeStatus{}
}

func trimNode(object runtime.Object, _ *taints) taints {
	o := object.(*corev1.Node)
	t := taints{node: o.Name}
	for _, taint := range o.Spec.Taints {
		t.keys = append(t.keys, taint.Key)
	}
	return t
}

func trimCSINode(object runtime.Object, _ *drivers) drivers {
	o := object.(*storagev1.CSINode)
	d := drivers{node: o.Name}
	for _, driver := range o.Spec.Drivers {
		d.names = append(d.names, driver.Name)
	}
	return d
}
