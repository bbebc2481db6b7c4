package kube

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/api/aadpodidentity"
)

// BoundPod is what matters of a pod that asks for identities.
type BoundPod struct {
	Namespace, Name, UID string
	Node                 string // empty before it is scheduled
	Binding              string // the value of LabelBinding, which may be empty
	Finished             bool   // it has succeeded or failed, and will ask for nothing more
	Deleting             bool   // its deletion was asked for; it may run for a while yet
	Created              time.Time
}

// BoundPods are all pods of the cluster that carry aadpodidentity.LabelBinding. What it hands out is shared and must not
// be changed.
type BoundPods struct {
	watch *watch[BoundPod]
	tell  []func()
}

// BoundPods watches nothing until it is run.
func (c *Client) BoundPods() *BoundPods {
	s := &BoundPods{}
	s.watch = newWatch(c, source{
		kind: pods, labels: aadpodidentity.LabelBinding, page: manyPage, shed: shedBoundPod,
		object: &corev1.Pod{}, list: func() runtime.Object { return &corev1.PodList{} },
	}, func(o runtime.Object) string { return string(o.(*corev1.Pod).UID) }, boundPod, s.changed)
	return s
}

// Run watches until ctx ends, and then returns nil.
func (s *BoundPods) Run(ctx context.Context) error {
	s.watch.run(ctx)
	return nil
}

// Synced is true once all have been seen, and stays so.
func (s *BoundPods) Synced() bool { return s.watch.hasSynced() }

// OnChange registers who is told that a pod is new, gone, or differs in what a BoundPod says. It belongs before Run, and
// what it registers must not block.
func (s *BoundPods) OnChange(tell func()) { s.tell = append(s.tell, tell) }

// List is every one that is watched, in no order.
func (s *BoundPods) List() []*BoundPod { return s.watch.shared() }

func (s *BoundPods) changed(before, after *BoundPod) {
	if before != nil && after != nil && *before == *after {
		return
	}
	for _, tell := range s.tell {
		tell()
	}
}

// shedBoundPod leaves of a pod only what boundPod reads.
func shedBoundPod(object runtime.Object) {
	o := object.(*corev1.Pod)
	o.ObjectMeta = metav1.ObjectMeta{
		Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion, CreationTimestamp: o.CreationTimestamp,
		DeletionTimestamp: o.DeletionTimestamp, Labels: map[string]string{aadpodidentity.LabelBinding: o.Labels[aadpodidentity.LabelBinding]},
	}
	o.Spec = corev1.PodSpec{NodeName: o.Spec.NodeName}
	o.Status = corev1.PodStatus{Phase: o.Status.Phase}
}

func boundPod(object runtime.Object, _ *BoundPod) BoundPod {
	o := object.(*corev1.Pod)
	return BoundPod{
		Namespace: shared(o.Namespace), Name: o.Name, UID: string(o.UID), Node: shared(o.Spec.NodeName),
		Binding:  shared(o.Labels[aadpodidentity.LabelBinding]),
		Finished: finished(o), Deleting: o.DeletionTimestamp != nil, Created: o.CreationTimestamp.UTC(),
	}
}

// finished is true of a pod whose containers have ended for good.
func finished(o *corev1.Pod) bool {
	return o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed
}
