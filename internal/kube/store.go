package kube

import "k8s.io/apimachinery/pkg/runtime"

// Add is told of an object that appeared.
func (w *watch[T]) Add(object any) error { return w.put(object.(runtime.Object)) }

// Update is told of an object that changed.
func (w *watch[T]) Update(object any) error { return w.put(object.(runtime.Object)) }

// Delete is told of an object that is gone.
func (w *watch[T]) Delete(object any) error {
	key := w.key(object.(runtime.Object))
	w.mu.Lock()
	before, found := w.items[key]
	delete(w.items, key)
	w.edition++
	if found {
		w.indexed(before, nil)
	}
	w.mu.Unlock()
	if found {
		w.changed(before, nil)
	}
	return nil
}

// Replace is told of everything there is, at first and after a watch was lost. What differs is told as if it had been
// watched; an object that was replaced by one of the same key in between is told as one change.
func (w *watch[T]) Replace(objects []any, _ string) error {
	fresh := make(map[string]*T, len(objects))
	type change struct{ before, after *T }
	var changes []change
	w.mu.Lock()
	for _, object := range objects {
		key := w.key(object.(runtime.Object))
		known := w.items[key]
		after := w.trim(object.(runtime.Object), known)
		fresh[key] = &after
		changes = append(changes, change{known, &after})
	}
	for key, before := range w.items {
		if _, still := fresh[key]; !still {
			changes = append(changes, change{before, nil})
		}
	}
	w.items, w.synced = fresh, true
	w.edition++
	for _, c := range changes {
		w.indexed(c.before, c.after)
	}
	w.mu.Unlock()
	for _, c := range changes {
		w.changed(c.before, c.after)
	}
	return nil
}

// Resync has nothing to do.
func (w *watch[T]) Resync() error { return nil }

func (w *watch[T]) put(object runtime.Object) error {
	key := w.key(object)
	w.mu.Lock()
	known := w.items[key]
	after := w.trim(object, known)
	w.items[key] = &after
	w.edition++
	w.indexed(known, &after)
	w.mu.Unlock()
	w.changed(known, &after)
	return nil
}

// indexed passes a change on to the index, if there is one. The caller holds mu.
func (w *watch[T]) indexed(before, after *T) {
	if w.index != nil {
		w.index(before, after)
	}
}
