package controller

import (
	"slices"
	"sync"

	"strongroom/api/secretsstore"
)

// ledger remembers what was written of a class until the watch shows it: until then the class as it is seen still has
// what was there before, and would be written again.
type ledger struct {
	mu      sync.Mutex
	entries map[id]*entry
}

type entry struct {
	uid    string
	now    secretsstore.Condition
	before []secretsstore.Condition // what the watch may still show
}

// known is the class's condition as it stands: what the watch shows, unless that is older than what was written.
func (l *ledger) known(class secretsstore.Class) secretsstore.Condition {
	l.mu.Lock()
	defer l.mu.Unlock()
	shown := accepted(class.Status)
	e, ok := l.entries[idOf(class)]
	if !ok {
		return shown
	}
	stale := slices.ContainsFunc(e.before, func(old secretsstore.Condition) bool { return same(old, shown) })
	if e.uid == class.Metadata.UID && stale && !same(shown, e.now) {
		return e.now
	}
	delete(l.entries, idOf(class)) // it has arrived; or it is another class of that name; or somebody else wrote since
	return shown
}

func (l *ledger) wrote(class secretsstore.Class, now secretsstore.Condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[idOf(class)]
	if !ok {
		e = &entry{uid: class.Metadata.UID, before: []secretsstore.Condition{accepted(class.Status)}}
		l.entries[idOf(class)] = e
	} else {
		e.before = append(e.before, e.now)
	}
	e.now = now
}

func (l *ledger) forget(at id) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.entries, at)
}

// accepted is the condition of that type; the zero one when there is none.
func accepted(status secretsstore.ClassStatus) secretsstore.Condition {
	for _, condition := range status.Conditions {
		if condition.Type == secretsstore.ConditionAccepted {
			return condition
		}
	}
	return secretsstore.Condition{}
}

func same(a, b secretsstore.Condition) bool {
	if !a.LastTransitionTime.Equal(b.LastTransitionTime) {
		return false
	}
	a.LastTransitionTime = b.LastTransitionTime
	return a == b
}
