package kube

import (
	"sync"

	"strongroom/api/aadpodidentity"
)

// departed are objects that were watched and went, by name. The zero value is none.
type departed struct {
	mu    sync.RWMutex
	names map[podName]struct{}
}

// mostDeparted bounds them. What is forgotten is then as if it had never been seen.
const mostDeparted = 10_000

// note takes a change: after is nil for an object that is gone.
func (d *departed) note(before, after *aadpodidentity.Meta) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if after != nil {
		delete(d.names, podName{after.Namespace, after.Name})
		return
	}
	if d.names == nil {
		d.names = map[podName]struct{}{}
	}
	for name := range d.names {
		if len(d.names) < mostDeparted {
			break
		}
		delete(d.names, name)
	}
	d.names[podName{before.Namespace, before.Name}] = struct{}{}
}

func (d *departed) has(namespace, name string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, gone := d.names[podName{namespace, name}]
	return gone
}

// noted is a watch's changed, with every change noted first.
func noted[T any](d *departed, meta func(*T) *aadpodidentity.Meta, changed func(before, after *T)) func(before, after *T) {
	read := func(o *T) *aadpodidentity.Meta {
		if o == nil {
			return nil
		}
		return meta(o)
	}
	return func(before, after *T) {
		d.note(read(before), read(after))
		changed(before, after)
	}
}
