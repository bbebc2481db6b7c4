package mic

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Run puts identities on machines until ctx is done, and returns nil then. It returns an error when somebody else writes
// the ledger: then this replica leads no longer. Updates that run are left to run; a successor finds them in the ledger.
func (m *MIC) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	ended := make(chan error, 1)
	m.fatal = func(err error) {
		select {
		case ended <- err:
		default:
		}
	}
	m.spawn = func(work func()) {
		group.Go(func() error {
			work()
			return nil
		})
	}
	m.writes, m.tells = m.newWrites(), m.newTells()
	group.Go(func() error {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	group.Go(func() error {
		if m.waitSynced(ctx) && m.begin(ctx) {
			m.passes(ctx)
		}
		return nil
	})
	return group.Wait()
}

func (m *MIC) waitSynced(ctx context.Context) bool {
	for !m.Pods.Synced() || !m.Identities.Synced() || !m.Machines.Synced() || !m.Assigned.Synced() {
		if !clock.Sleep(ctx, m.Clock, syncCheck) {
			return false
		}
	}
	return true
}

// begin reads what a predecessor has left. Nothing is done to a machine before.
func (m *MIC) begin(ctx context.Context) bool {
	for times := 1; ; times++ {
		first, err := m.ledger.load(ctx)
		if err == nil {
			m.take(first)
			err = m.ledger.save(ctx)
		}
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		m.Log.Warn("the ledger of identities on machines cannot be read; tried again", logkey.Error, fault.Explain(err))
		if !clock.Sleep(ctx, m.Clock, clock.Backoff(times, time.Second, lastWait)) {
			return false
		}
	}
}

// take makes machines of what is in the ledger.
func (m *MIC) take(first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Clock.Now()
	for key, e := range m.ledger.entries {
		r := newResource(e.At)
		for id, since := range e.Owned {
			r.owned[id] = since
		}
		switch f := e.Flight; {
		case f == nil:
		case f.Operation.URL == "":
			r.doubtOf(now, arm.Change{Add: f.Add, Remove: f.Remove})
		default:
			r.flight = &flight{change: arm.Change{Add: f.Add, Remove: f.Remove}, operation: f.Operation, began: f.Began, due: now, sent: true}
		}
		m.resources[key] = r
	}
	if first && m.AdoptAttached {
		m.adopt(now)
	}
	m.Log.Info("identities on machines are looked after", slog.Int(logkey.Count, len(m.resources)))
}

// adopt owns what objects of a predecessor without a ledger say is there. Reading the machine takes back what is not.
func (m *MIC) adopt(now time.Time) {
	w := world{existing: m.overlay.over(now, m.Assigned.List()), nodes: m.locations()}
	for key, held := range w.plan().holding {
		for _, at := range w.nodes {
			if at.err != nil || at.key != key {
				continue
			}
			if m.resources[key] == nil {
				m.resources[key] = newResource(at.at)
			}
			for id := range held {
				m.resources[key].owned[id] = now
			}
			break
		}
	}
	for key, r := range m.resources {
		m.ledger.remember(key, r.entry())
	}
}

// passes makes one when something has changed, and lets the machine breathe between two that take long.
func (m *MIC) passes(ctx context.Context) {
	took := m.pass(ctx)
	for ctx.Err() == nil {
		var timer <-chan time.Time
		stop := func() {}
		if at := m.due(); !at.IsZero() {
			timer, stop = m.Clock.After(at.Sub(m.Clock.Now()))
		}
		select {
		case <-ctx.Done():
		case <-timer:
		case <-m.dirty:
		}
		stop()
		if !clock.Sleep(ctx, m.Clock, max(debounce, 2*took)) {
			return
		}
		select {
		case <-m.dirty: // the pass sees this one too
		default:
		}
		took = m.pass(ctx)
	}
}

// due is when a pass is needed though nothing has changed; zero when it is not.
func (m *MIC) due() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := earliest(m.writes.due(), m.tells.due())
	return earliest(at, earliest(m.overlay.due(), m.told.due()))
}

// Stats is where things stand, for metrics.
type Stats struct {
	Machines int // that have an identity of ours, or are to have one
	Updates  int // under way
	Owned    int // identities on machines that are ours
	Refused  int // identities on machines that Azure refuses
	Pending  int // assignments that have not come about
}

// Stats counts.
func (m *MIC) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Stats{Pending: m.told.pending}
	for _, r := range m.resources {
		if r.needed() {
			s.Machines++
		}
		if r.flight != nil {
			s.Updates++
		}
		s.Owned += len(r.owned)
		s.Refused += len(r.parked)
	}
	return s
}
