package kube

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/api/aadpodidentity"
)

// manyPage is how many objects are read at once of kinds of which there may be one per pod.
const manyPage = 500

// AssignedIdentities are the AzureAssignedIdentities of the cluster, or of one node. What it hands out is shared and must
// not be changed. Writing needs no watch.
type AssignedIdentities struct {
	client *Client
	watch  *watch[aadpodidentity.AssignedIdentity]
	byPod  map[podName][]string         // keys of the watch; guarded by its lock
	labels map[string]map[string]string // the labels of nearly all objects, by node; the watch's goroutine's alone
	tell   []func(podNamespace, pod string)
}

type podName struct{ namespace, name string }

// AssignedIdentities watches nothing until it is run. With a node it watches those whose LabelNode has that value, with
// an empty one all of the cluster.
func (c *Client) AssignedIdentities(node string) *AssignedIdentities {
	s := &AssignedIdentities{client: c, byPod: map[podName][]string{}, labels: map[string]map[string]string{}}
	from := source{kind: assignedIdentities, page: manyPage}
	if node != "" {
		from.labels = aadpodidentity.LabelNode + "=" + node
	}
	s.watch = watchDecoded(c, from, s.changed)
	s.watch.key = func(o runtime.Object) string { return string(o.(*decoded[aadpodidentity.AssignedIdentity]).UID) }
	read := s.watch.trim
	s.watch.trim = func(o runtime.Object, known *aadpodidentity.AssignedIdentity) aadpodidentity.AssignedIdentity {
		return s.trim(read(o, known))
	}
	s.watch.index = s.index
	return s
}

// Run watches until ctx ends, and then returns nil.
func (s *AssignedIdentities) Run(ctx context.Context) error {
	s.watch.run(ctx)
	return nil
}

// Synced is true once all have been seen, and stays so.
func (s *AssignedIdentities) Synced() bool { return s.watch.hasSynced() }

// Heard is true while what is held was confirmed by the server within that time: as long as the watch stands, and so long
// after it was lost.
func (s *AssignedIdentities) Heard(within time.Duration) bool { return s.watch.heard(within) }

// OnChange registers who is told of the pod for which one is new, gone, or says something else; our own writes are among
// that, a new resource version alone is not. It belongs before Run, and what it registers must not block.
func (s *AssignedIdentities) OnChange(tell func(podNamespace, pod string)) {
	s.tell = append(s.tell, tell)
}

// List is every one that is watched, in no order.
func (s *AssignedIdentities) List() []*aadpodidentity.AssignedIdentity { return s.watch.shared() }

// Of lists those of one pod, in no order. It costs nothing however many there are of others.
func (s *AssignedIdentities) Of(podNamespace, pod string) []aadpodidentity.AssignedIdentity {
	return s.watch.under(func() []string { return s.byPod[podName{podNamespace, pod}] })
}

// trim gives objects of one node the same labels in memory.
func (s *AssignedIdentities) trim(a aadpodidentity.AssignedIdentity) aadpodidentity.AssignedIdentity {
	node, only := a.Labels[aadpodidentity.LabelNode]
	if !only || len(a.Labels) != 1 {
		return a
	}
	if s.labels[node] == nil {
		s.labels[node] = a.Labels
	}
	a.Labels = s.labels[node]
	return a
}

func (s *AssignedIdentities) index(before, after *aadpodidentity.AssignedIdentity) {
	if before != nil {
		drop(s.byPod, podName{before.PodNamespace, before.Pod}, before.UID)
	}
	if after != nil {
		add(s.byPod, podName{after.PodNamespace, after.Pod}, after.UID)
	}
}

func (s *AssignedIdentities) changed(before, after *aadpodidentity.AssignedIdentity) {
	if !differs(before, after, func(a *aadpodidentity.AssignedIdentity) *aadpodidentity.Meta { return &a.Meta }) {
		return
	}
	var pods []podName
	for _, a := range []*aadpodidentity.AssignedIdentity{before, after} {
		if a == nil {
			continue
		}
		if p := (podName{a.PodNamespace, a.Pod}); len(pods) == 0 || pods[0] != p {
			pods = append(pods, p)
		}
	}
	for _, p := range pods {
		for _, tell := range s.tell {
			tell(p.namespace, p.name)
		}
	}
}
