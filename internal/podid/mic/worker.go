package mic

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// work does what one machine needs, until ctx is done or there is no such machine any more.
func (m *MIC) work(ctx context.Context, key string, r *resource) {
	for ctx.Err() == nil {
		m.mu.Lock()
		now := m.Clock.Now()
		s := r.next(now, m.policy)
		if s.do == update {
			r.begin(now, m.policy, s.change)
		}
		m.ledger.remember(key, r.entry())
		if s.do == rest && r.nodes == 0 {
			delete(m.resources, key)
			m.mu.Unlock()
			m.keep(ctx, r)
			return
		}
		m.mu.Unlock()
		switch s.do {
		case rest, pause:
			m.idle(ctx, r, s)
		case read:
			m.read(ctx, r)
		case update:
			m.update(ctx, key, r)
		case poll:
			m.poll(ctx, r)
		}
	}
}

// idle waits until something changes, or until it is time.
func (m *MIC) idle(ctx context.Context, r *resource, s step) {
	until := s.until
	if !m.keep(ctx, r) {
		until = earliest(until, m.Clock.Now().Add(firstWait))
	}
	var timer <-chan time.Time
	if !until.IsZero() {
		fired, stop := m.Clock.After(until.Sub(m.Clock.Now()))
		defer stop()
		timer = fired
	}
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-timer:
	}
}

// keep saves the ledger if there is something to save; false when that failed, or failed a moment ago.
func (m *MIC) keep(ctx context.Context, r *resource) bool {
	if !m.ledger.unsaved() {
		return true
	}
	if !m.ledger.due(m.Clock.Now()) {
		return false
	}
	err := m.ledger.save(ctx)
	if err != nil {
		m.ledger.failed(m.Clock.Now())
	}
	m.unkept(ctx, r, err)
	return err == nil
}

// unkept ends everything when somebody else leads, and tells of other failures.
func (m *MIC) unkept(ctx context.Context, r *resource, err error) {
	switch {
	case err == nil || ctx.Err() != nil:
	case fault.KindOf(err) == fault.Busy:
		m.fatal(err)
	default:
		m.Log.Warn("the ledger of identities on machines cannot be written; tried again", "machine", r.at.String(), logkey.Error, fault.Explain(err))
	}
}

// slot takes a turn to call Azure.
func (m *MIC) slot(ctx context.Context) bool {
	select {
	case m.calls <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (m *MIC) read(ctx context.Context, r *resource) {
	if !m.slot(ctx) {
		return
	}
	held, err := m.Azure.Identities(ctx, r.at)
	<-m.calls
	m.settle(ctx, r, "read", err, func(now time.Time) {
		if err != nil {
			r.readFailed(now, err)
			return
		}
		r.hasRead(now, held)
	})
}

// update makes one that begin has prepared: first it is written down, then Azure is told.
func (m *MIC) update(ctx context.Context, key string, r *resource) {
	if err := m.ledger.save(ctx); err != nil {
		m.unkept(ctx, r, err)
		m.settle(ctx, r, "", nil, func(now time.Time) { r.unsent(now, err) })
		return
	}
	m.mu.Lock()
	if !r.trim() {
		m.mu.Unlock()
		return
	}
	held, change := r.held, r.flight.change
	m.mu.Unlock()
	if !m.slot(ctx) {
		return
	}
	operation, err := m.Azure.Update(ctx, r.at, held, change)
	<-m.calls
	if ctx.Err() != nil {
		return // what came of it stands in the ledger as unknown
	}
	m.Log.Debug("machine updated", "machine", r.at.String(), slog.Int("add", len(change.Add)), slog.Int("remove", len(change.Remove)))
	m.settle(ctx, r, "update", err, func(now time.Time) {
		if err != nil {
			r.failed(now, err)
			return
		}
		r.accepted(now, operation)
	})
	m.mu.Lock()
	m.ledger.remember(key, r.entry())
	m.mu.Unlock()
	m.keep(ctx, r)
}

func (m *MIC) poll(ctx context.Context, r *resource) {
	m.mu.Lock()
	operation := r.flight.operation
	m.mu.Unlock()
	if !m.slot(ctx) {
		return
	}
	operation, err := m.Azure.Poll(ctx, operation)
	<-m.calls
	m.settle(ctx, r, "poll", err, func(now time.Time) {
		if err != nil {
			r.pollFailed(now, operation, err)
			return
		}
		r.polled(now, operation)
	})
}

// settle takes what a call came to, tells of a failure once, and asks for a pass where there is something to see: not of a
// question about an update that goes on, nor of the second failure in a row. An interruption is no failure.
func (m *MIC) settle(ctx context.Context, r *resource, what string, err error, outcome func(now time.Time)) {
	if ctx.Err() != nil {
		return
	}
	m.mu.Lock()
	times, flying := r.failures+r.readFailures, what == "poll"
	outcome(m.Clock.Now())
	flying = flying && r.flight != nil
	news := !flying && (err == nil || times == 0 || r.failures+r.readFailures == times)
	m.mu.Unlock()
	if news {
		m.Changed()
	}
	if err != nil && !flying {
		level := slog.LevelDebug
		if times == 0 {
			level = slog.LevelWarn
		}
		m.Log.Log(ctx, level, "identities of a machine: "+what+" failed; tried again", "machine", r.at.String(), logkey.Error, fault.Explain(err))
	}
}

// expire forgets what is known of a machine that was not looked at while nobody needed it.
func (r *resource) expire(now time.Time, p policy) {
	if !r.needed() && now.Sub(r.read) >= p.reconcile {
		r.known = false
	}
}

// unsent takes back an update that could not be written down.
func (r *resource) unsent(now time.Time, err error) {
	if r.flight == nil {
		return
	}
	r.forgo(r.flight)
	r.flight = nil
	r.ail(now, err)
	r.failures++
	r.notBefore = now.Add(clock.Backoff(r.failures, firstWait, lastWait))
}

// entry is what a successor must know.
func (r *resource) entry() entry {
	e := entry{At: r.at, Owned: maps.Clone(r.owned)}
	switch f := r.flight; {
	case f != nil:
		e.Flight = &flown{Operation: arm.Operation{URL: f.operation.URL}, Began: f.began, Add: f.change.Add, Remove: f.change.Remove}
	case len(r.doubtful) > 0:
		e.Flight = &flown{Add: slices.Sorted(maps.Keys(r.doubtful))}
		for _, since := range r.doubtful {
			e.Flight.Began = earliest(e.Flight.Began, since)
		}
	}
	return e
}
