package kube

import (
	"context"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Pod is what matters of one.
type Pod struct {
	Meta secretsstore.Meta
	// Owners are the controller first; empty for a pod that nobody controls.
	Owners []secretsstore.Owner
	// Finished is true of a pod that is being deleted, has succeeded or has failed: it will not need anything more.
	Finished bool
}

// Pods are those of one node.
type Pods struct {
	client  *Client
	watch   *watch[sighted]
	refresh []func(uid string)
	gone    []func(uid string)
}

// sighted is a pod and when it was first seen.
type sighted struct {
	Pod
	first time.Time
}

// Pods watches nothing until it is run.
func (c *Client) Pods(node string) *Pods {
	p := &Pods{client: c}
	p.watch = newWatch(c, source{
		kind: pods, fields: "spec.nodeName=" + node, object: &corev1.Pod{}, list: func() runtime.Object { return &corev1.PodList{} },
	}, func(o runtime.Object) string { return string(o.(*corev1.Pod).UID) }, p.trim, p.changed)
	return p
}

// Run watches until ctx ends, and then returns nil.
func (p *Pods) Run(ctx context.Context) error {
	p.watch.run(ctx)
	return nil
}

// Synced is true once all pods of the node have been seen, and stays so.
func (p *Pods) Synced() bool { return p.watch.hasSynced() }

// OnRefresh registers who is told that a pod's AnnotationRefresh was set or changed while it was watched. It belongs
// before Run, and what it registers must not block.
func (p *Pods) OnRefresh(tell func(uid string)) { p.refresh = append(p.refresh, tell) }

// OnGone registers who is told that a pod is deleted. It belongs before Run, and what it registers must not block.
func (p *Pods) OnGone(tell func(uid string)) { p.gone = append(p.gone, tell) }

// FirstSeen is the moment at which this process first saw the pod of that UID, and false when it has not. Whatever was
// done before the pod was created was done before that moment: it is taken when the news is here, never when it was
// asked for, and a watch that is lost and comes back does not move it.
func (p *Pods) FirstSeen(pod secret.Pod) (time.Time, bool) {
	s, found := p.watch.get(pod.UID)
	return s.first, found
}

// Pod finds a pod by its UID, by a direct read when it is not watched yet. Another pod of the same name is a NotFound
// fault like none at all.
func (p *Pods) Pod(ctx context.Context, namespace, name, uid string) (Pod, error) {
	if s, found := p.watch.get(uid); found {
		return s.Pod, nil
	}
	var object corev1.Pod
	if err := p.client.read(ctx, call{verb: http.MethodGet, path: pods.at(namespace, name)}, &object); err != nil {
		return Pod{}, err
	}
	if string(object.UID) != uid {
		return Pod{}, fault.New(fault.NotFound, "", "pods %q with uid %s not found", name, uid)
	}
	return pod(&object), nil
}

func (p *Pods) trim(object runtime.Object, known *sighted) sighted {
	s := sighted{Pod: pod(object.(*corev1.Pod)), first: p.client.clock.Now()}
	if known != nil {
		s.first = known.first
	}
	return s
}

func pod(o *corev1.Pod) Pod {
	return Pod{
		Meta:     trimmed(&o.ObjectMeta),
		Owners:   owners(&o.ObjectMeta),
		Finished: o.DeletionTimestamp != nil || o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed,
	}
}

func (p *Pods) changed(before, after *sighted) {
	switch {
	case after == nil:
		for _, tell := range p.gone {
			tell(before.Meta.UID)
		}
	case before != nil && asked(before.Meta, after.Meta):
		for _, tell := range p.refresh {
			tell(after.Meta.UID)
		}
	}
}
