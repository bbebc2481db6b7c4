package nmi

import "sync"

// bell wakes those who wait for news of one thing: a pod by name, an address.
type bell struct {
	mu      sync.Mutex
	waiting map[string]*audience
}

type audience struct {
	rung  chan struct{}
	count int
}

func newBell() *bell { return &bell{waiting: map[string]*audience{}} }

// listen returns a channel that is closed at the next ring of key. It must be called before looking at what may change,
// and left when the answer no longer matters.
func (b *bell) listen(key string) (rung <-chan struct{}, leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.waiting[key]
	if a == nil {
		a = &audience{rung: make(chan struct{})}
		b.waiting[key] = a
	}
	a.count++
	return a.rung, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if a.count--; a.count == 0 && b.waiting[key] == a {
			delete(b.waiting, key)
		}
	}
}

// ring wakes whoever listens to key.
func (b *bell) ring(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ringLocked(key)
}

// ringAll wakes everybody.
func (b *bell) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.waiting {
		b.ringLocked(key)
	}
}

func (b *bell) ringLocked(key string) {
	if a := b.waiting[key]; a != nil {
		close(a.rung)
		delete(b.waiting, key)
	}
}
