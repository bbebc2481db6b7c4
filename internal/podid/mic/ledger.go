package mic

import (
	"context"
	"maps"
	"reflect"
	"sync"
	"time"

	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// ledger is what a successor must know: what is ours on each machine, and which updates are under way. It is one map of
// texts, written as a whole; several writers at a time share a write.
type ledger struct {
	store Store

	mu      sync.Mutex // held while writing
	text    sync.Mutex // guards what follows
	entries map[string]entry
	version int // of entries
	saved   int
	last    map[string]string // as it was last written, or tried to
	loaded  map[string]string // as it stands in the store

	failures  int       // in a row
	notBefore time.Time // when it is tried again after them
}

// entry is what is remembered of one machine.
type entry struct {
	At     arm.Resource
	Owned  map[string]time.Time
	Flight *flown
}

// flown is an update as it is remembered. Without a URL, nobody knows whether it was sent.
type flown struct {
	Operation   arm.Operation
	Began       time.Time
	Add, Remove []string
}

func (e entry) empty() bool { return len(e.Owned) == 0 && e.Flight == nil }

// remember takes what is to be known of a machine from the next save on.
func (l *ledger) remember(key string, e entry) {
	l.text.Lock()
	defer l.text.Unlock()
	if e.empty() {
		if _, there := l.entries[key]; !there {
			return
		}
		delete(l.entries, key)
	} else {
		if reflect.DeepEqual(l.entries[key], e) {
			return
		}
		l.entries[key] = e
	}
	l.version++
}

// unsaved reports whether something is remembered here alone.
func (l *ledger) unsaved() bool {
	l.text.Lock()
	defer l.text.Unlock()
	return l.version != l.saved
}

// due reports whether it is time to save. One that could not be written waits, twice as long each time, however many
// have something to be written; when it is time, the first to ask is told so.
func (l *ledger) due(now time.Time) bool {
	l.text.Lock()
	defer l.text.Unlock()
	if l.failures == 0 {
		return true
	}
	if now.Before(l.notBefore) {
		return false
	}
	l.failures++
	l.notBefore = now.Add(clock.Backoff(l.failures, firstWait, lastWait))
	return true
}

// failed begins to wait.
func (l *ledger) failed(now time.Time) {
	l.text.Lock()
	defer l.text.Unlock()
	if l.failures == 0 {
		l.failures, l.notBefore = 1, now.Add(firstWait)
	}
}

// save returns once everything remembered before the call is in the store. Somebody else's write in between means that
// there are two leaders, and is Busy: then nothing more may be done on the strength of it.
func (l *ledger) save(ctx context.Context) error {
	l.text.Lock()
	asked := l.version
	l.text.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Lock()
	if l.saved >= asked {
		l.text.Unlock()
		return nil
	}
	version, text := l.version, encode(l.entries)
	l.text.Unlock()
	err := l.store.Save(ctx, text)
	if fault.KindOf(err) == fault.Busy {
		err = l.again(ctx, text, err)
	}
	l.last = text
	if err != nil {
		return err
	}
	l.loaded = text
	l.text.Lock()
	defer l.text.Unlock()
	l.saved, l.failures = max(l.saved, version), 0
	return nil
}

// again saves once more when what stands in the store is our own: a write whose answer was lost.
func (l *ledger) again(ctx context.Context, text map[string]string, busy error) error {
	stands, err := l.store.Load(ctx)
	if err != nil {
		return err
	}
	if !maps.Equal(stands, l.last) && !maps.Equal(stands, l.loaded) && len(stands) > 0 {
		return fault.Wrap(busy, fault.Busy, "ledger", "somebody else writes it, so this replica may lead no longer")
	}
	return l.store.Save(ctx, text)
}

// load reads the store. first is true when nobody has ever written there.
func (l *ledger) load(ctx context.Context) (first bool, err error) {
	text, err := l.store.Load(ctx)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return false, err
	}
	l.entries, err = decode(text)
	l.loaded, l.last = text, text
	if len(text) == 0 {
		l.version++ // so that it is written once, whatever it says
	}
	return len(text) == 0, err
}
