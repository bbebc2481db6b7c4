package kube

import (
	"context"
	"net/http"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/internal/fault"
)

// DaemonSet is one of them, watched to learn that it is taken away. Its pods end a moment later, and whoever runs in one
// may have lost the permission to ask by then, since roles are taken away together with it.
type DaemonSet struct {
	client          *Client
	namespace, name string
	watch           *watch[bool]

	mu   sync.Mutex
	gone bool
}

// DaemonSet watches nothing until it is run.
func (c *Client) DaemonSet(namespace, name string) *DaemonSet {
	d := &DaemonSet{client: c, namespace: namespace, name: name}
	d.watch = newWatch(c, source{
		kind: daemonSets, namespace: namespace, fields: "metadata.name=" + name, metadata: true,
		object: &metav1.PartialObjectMetadata{}, list: func() runtime.Object { return &metav1.PartialObjectMetadataList{} },
	}, func(o runtime.Object) string { return string(o.(*metav1.PartialObjectMetadata).UID) }, going, d.changed)
	return d
}

// Run watches until ctx ends, and then returns nil.
func (d *DaemonSet) Run(ctx context.Context) error {
	d.watch.run(ctx)
	return nil
}

// Stands is true of a DaemonSet that exists and is not being deleted. What the watch has seen of its end counts; before
// that it is asked for.
func (d *DaemonSet) Stands(ctx context.Context) (bool, error) {
	d.mu.Lock()
	gone := d.gone
	d.mu.Unlock()
	if gone {
		return false, nil
	}
	return d.asked(ctx)
}

func (d *DaemonSet) asked(ctx context.Context) (bool, error) {
	var object struct {
		Metadata struct {
			DeletionTimestamp *string `json:"deletionTimestamp"`
		} `json:"metadata"`
	}
	err := d.client.answered(ctx, call{verb: http.MethodGet, path: daemonSets.at(d.namespace, d.name)}, &object)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil && object.Metadata.DeletionTimestamp == nil, err
}

func (d *DaemonSet) changed(_, after *bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = after == nil || *after
}

// going is true of an object that is being deleted.
func going(object runtime.Object, _ *bool) bool {
	return object.(*metav1.PartialObjectMetadata).DeletionTimestamp != nil
}
