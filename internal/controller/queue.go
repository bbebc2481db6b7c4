package controller

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// How long a key that failed waits: twice as long each time, or as long as the other side asks.
const (
	firstBackOff = time.Second
	lastBackOff  = 5 * time.Minute
)

// queue hands out keys to be looked at: each to one worker at a time, again when it was added meanwhile, and later when
// it failed.
type queue[K comparable] struct {
	clock   clock.Clock
	changed chan struct{} // holds one when there is something new to see

	mu    sync.Mutex
	items map[K]*item
	ready []K             // those that are due, in the order they came
	later map[K]time.Time // those that failed, and when they are due again
}

// item is one key that waits, runs, or failed.
type item struct {
	running, again bool
	failures       int // in a row
}

func newQueue[K comparable](clock clock.Clock) *queue[K] {
	return &queue[K]{clock: clock, changed: make(chan struct{}, 1), items: map[K]*item{}, later: map[K]time.Time{}}
}

// add makes a key due now, one that waits for its next try too: what was wrong may just have been mended.
func (q *queue[K]) add(key K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it, there := q.items[key]
	_, failed := q.later[key]
	switch {
	case !there:
		q.items[key] = &item{}
		q.ready = append(q.ready, key)
	case failed:
		delete(q.later, key)
		q.ready = append(q.ready, key)
	case it.running:
		it.again = true
	}
	q.signal()
}

// run hands keys to work, at most atOnce at a time, until ctx is done; then it waits for those at work. failed is told
// of each failure and how many there were in a row.
func (q *queue[K]) run(ctx context.Context, atOnce int, work func(context.Context, K) error, failed func(key K, times int, err error)) {
	var group errgroup.Group
	defer func() { _ = group.Wait() }()
	slots := make(chan struct{}, atOnce)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		key, ok := q.wait(ctx)
		if !ok {
			return
		}
		group.Go(func() error {
			defer func() { <-slots }()
			err := work(ctx, key)
			if ctx.Err() != nil {
				return nil // an interruption is no failure
			}
			if times := q.finish(key, err); err != nil {
				failed(key, times, err)
			}
			return nil
		})
	}
}

// wait gives the next key that is due; not ok when ctx is done.
func (q *queue[K]) wait(ctx context.Context) (key K, ok bool) {
	for ctx.Err() == nil {
		key, ok, next := q.take()
		if ok {
			return key, true
		}
		fired, stop := q.timer(next)
		select {
		case <-ctx.Done():
		case <-q.changed:
		case <-fired:
		}
		stop()
	}
	return key, false
}

// timer fires at a time; the zero time is never.
func (q *queue[K]) timer(at time.Time) (fired <-chan time.Time, stop func()) {
	if at.IsZero() {
		return nil, func() {}
	}
	return q.clock.After(at.Sub(q.clock.Now()))
}

// take gives the next key that is due, or else when there will be one; zero when none waits.
func (q *queue[K]) take() (key K, ok bool, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	for key, due := range q.later {
		switch {
		case !due.After(now):
			delete(q.later, key)
			q.ready = append(q.ready, key)
		case next.IsZero() || due.Before(next):
			next = due
		}
	}
	if len(q.ready) == 0 {
		return key, false, next
	}
	key, q.ready = q.ready[0], q.ready[1:]
	q.items[key].running = true
	return key, true, next
}

// finish takes a key back and says how often it failed in a row.
func (q *queue[K]) finish(key K, err error) (failures int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.items[key]
	it.running = false
	if err != nil {
		it.failures++
		failures = it.failures
	} else {
		it.failures = 0
	}
	switch {
	case it.again:
		it.again = false
		q.ready = append(q.ready, key)
	case err != nil:
		q.later[key] = q.clock.Now().Add(max(clock.Backoff(it.failures, firstBackOff, lastBackOff), fault.RetryAfterOf(err)))
	default:
		delete(q.items, key)
	}
	q.signal()
	return failures
}

func (q *queue[K]) signal() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}
