package kube

import "time"

const (
	// remembered is how many different events, and how many objects, are kept in mind. Beyond it the one longest not
	// heard of is forgotten, and tells itself anew.
	remembered = 512
	// Of one object so many events are written at once, and then one in so long.
	eventBurst  = 10
	eventRefill = time.Minute
)

// memory knows what was told before. One goroutine at a time uses it.
type memory struct {
	told    map[sameness]*told
	objects map[About]*bucket
}

// sameness is what two occurrences have in common that are one event with a count.
type sameness struct {
	about                 About
	kind, reason, message string
}

// told is one event: where it is, once it is written, and how often it happened.
type told struct {
	namespace, name string
	count           int
	first, last     time.Time
}

func (t *told) begin(o occurrence) { *t = told{count: 1, first: o.at, last: o.at} }

// bucket holds how many events an object may still cause.
type bucket struct {
	left float64
	last time.Time
}

func newMemory() memory {
	return memory{told: map[sameness]*told{}, objects: map[About]*bucket{}}
}

// note counts an occurrence.
func (m *memory) note(o occurrence) *told {
	same := sameness{o.about, o.kind, o.reason, o.message}
	if t, known := m.told[same]; known {
		t.count++
		t.last = o.at
		return t
	}
	if len(m.told) >= remembered {
		forgetOldest(m.told, func(t *told) time.Time { return t.last })
	}
	t := &told{}
	t.begin(o)
	m.told[same] = t
	return t
}

// allowed takes from what the object may still cause. What is not written is counted, and told with the next that is.
func (m *memory) allowed(o occurrence) bool {
	b, known := m.objects[o.about]
	if !known {
		if len(m.objects) >= remembered {
			forgetOldest(m.objects, func(b *bucket) time.Time { return b.last })
		}
		b = &bucket{left: eventBurst, last: o.at}
		m.objects[o.about] = b
	}
	b.left = min(eventBurst, b.left+float64(o.at.Sub(b.last))/float64(eventRefill))
	b.last = o.at
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

func forgetOldest[K comparable, V any](all map[K]V, last func(V) time.Time) {
	var oldest K
	var at time.Time
	for key, value := range all {
		if when := last(value); at.IsZero() || when.Before(at) {
			oldest, at = key, when
		}
	}
	delete(all, oldest)
}
