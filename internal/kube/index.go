package kube

import "slices"

// under lists the copies whose keys an index gives, which is asked while nothing changes.
func (w *watch[T]) under(keys func() []string) []T {
	w.mu.RLock()
	defer w.mu.RUnlock()
	found := keys()
	if len(found) == 0 {
		return nil
	}
	list := make([]T, 0, len(found))
	for _, key := range found {
		if item, found := w.items[key]; found {
			list = append(list, *item)
		}
	}
	return list
}

// add notes a key in an index.
func add[K comparable](index map[K][]string, at K, key string) {
	if !slices.Contains(index[at], key) {
		index[at] = append(index[at], key)
	}
}

// drop takes a key out of an index.
func drop[K comparable](index map[K][]string, at K, key string) {
	left := slices.DeleteFunc(index[at], func(k string) bool { return k == key })
	if len(left) == 0 {
		delete(index, at)
		return
	}
	index[at] = left
}
