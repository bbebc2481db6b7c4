package mic

import (
	"context"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// How long something that could not be written waits.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// jobs are things to be done, each on a key of its own, by a bounded number of hands. What waits is replaced as a whole by
// every pass; what is at work is finished first.
type jobs[K comparable, V any] struct {
	hands   int
	clock   clock.Clock
	spawn   func(func())
	do      func(context.Context, K, V) error
	failed  func(key K, value V, times int, err error)
	changed func() // asks for another pass: one was wanted while a key was at work, or it failed

	mu      sync.Mutex
	atWork  int
	order   []K
	waiting map[K]V
	running map[K]bool // true when wanted again meanwhile
	failing map[K]*retry
}

// retry is how often a key failed in a row, and when it is due again.
type retry struct {
	times int
	due   time.Time
}

// job is one thing to be done.
type job[K comparable, V any] struct {
	key   K
	value V
}

func newJobs[K comparable, V any](hands int, c clock.Clock) *jobs[K, V] {
	return &jobs[K, V]{hands: hands, clock: c, waiting: map[K]V{}, running: map[K]bool{}, failing: map[K]*retry{}}
}

// set replaces what waits, in this order.
func (j *jobs[K, V]) set(ctx context.Context, list []job[K, V]) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.clock.Now()
	j.order = j.order[:0:0]
	clear(j.waiting)
	failing := map[K]*retry{}
	for _, one := range list {
		if r := j.failing[one.key]; r != nil {
			failing[one.key] = r
			if now.Before(r.due) {
				continue
			}
		}
		if _, busy := j.running[one.key]; busy {
			j.running[one.key] = true
			continue
		}
		j.order = append(j.order, one.key)
		j.waiting[one.key] = one.value
	}
	for key := range j.running {
		if r := j.failing[key]; r != nil {
			failing[key] = r
		}
	}
	j.failing = failing
	for ; j.atWork < min(j.hands, len(j.order)+len(j.running)); j.atWork++ {
		j.spawn(func() { j.work(ctx) })
	}
}

// work does what waits until nothing does.
func (j *jobs[K, V]) work(ctx context.Context) {
	for {
		key, value, ok := j.take(ctx)
		if !ok {
			return
		}
		err := j.do(ctx, key, value)
		if ctx.Err() != nil {
			err = nil // an interruption is no failure
		}
		times, again := j.finish(key, err)
		if err != nil {
			j.failed(key, value, times, err)
		}
		if again {
			j.changed()
		}
	}
}

func (j *jobs[K, V]) take(ctx context.Context) (key K, value V, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.order) == 0 || ctx.Err() != nil {
		j.atWork--
		return key, value, false
	}
	key, j.order = j.order[0], j.order[1:]
	value = j.waiting[key]
	delete(j.waiting, key)
	j.running[key] = false
	return key, value, true
}

func (j *jobs[K, V]) finish(key K, err error) (times int, again bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	again = j.running[key] || err != nil
	delete(j.running, key)
	if err == nil {
		delete(j.failing, key)
		return 0, again
	}
	r := j.failing[key]
	if r == nil {
		r = &retry{}
		j.failing[key] = r
	}
	r.times++
	r.due = j.clock.Now().Add(max(fault.RetryAfterOf(err), clock.Backoff(r.times, firstRetry, lastRetry)))
	return r.times, again
}

// due is when the first of those that failed and wait for it is due; zero when none does.
func (j *jobs[K, V]) due() (at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for key, r := range j.failing {
		_, waiting := j.waiting[key]
		if _, running := j.running[key]; !waiting && !running {
			at = earliest(at, r.due)
		}
	}
	return at
}
