package clock

import (
	"sync"
	"time"
)

// Fake is a clock that stands still until a test advances it. The zero value is not usable; call NewFake.
type Fake struct {
	mu      sync.Mutex
	now     time.Time
	waiters map[*waiter]struct{}
	changed chan struct{} // closed and replaced whenever the set of waiters changes
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

// NewFake starts at a fixed, memorable time.
func NewFake() *Fake {
	return &Fake{
		now:     time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		waiters: map[*waiter]struct{}{},
		changed: make(chan struct{}),
	}
}

// Now is the time last advanced to.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// After registers a waiter that Advance fires.
func (f *Fake) After(d time.Duration) (<-chan time.Time, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &waiter{at: f.now.Add(d), ch: make(chan time.Time, 1)}
	if d <= 0 {
		w.ch <- f.now
		return w.ch, func() {}
	}
	f.waiters[w] = struct{}{}
	f.signalLocked()
	return w.ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if _, there := f.waiters[w]; there {
			delete(f.waiters, w)
			f.signalLocked()
		}
	}
}

// Advance moves the time and fires everyone who is due.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	for w := range f.waiters {
		if !w.at.After(f.now) {
			delete(f.waiters, w)
			w.ch <- f.now
		}
	}
	f.signalLocked()
}

// BlockUntil returns once at least n callers wait on the clock: the way a test knows that the code under test has
// gone to sleep.
func (f *Fake) BlockUntil(n int) {
	for {
		f.mu.Lock()
		count, changed := len(f.waiters), f.changed
		f.mu.Unlock()
		if count >= n {
			return
		}
		<-changed
	}
}

func (f *Fake) signalLocked() {
	close(f.changed)
	f.changed = make(chan struct{})
}
