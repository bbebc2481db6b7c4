package publish

import (
	"context"
	"time"

	"strongroom/internal/fault"
)

// tracked is what is remembered of one target between publishes.
type tracked struct {
	target string

	// Guarded by Publisher.mu.
	busy    bool
	touched time.Time // when it was last released
	soon    bool      // something about it has changed: look at it as soon as nobody else does
	asking  time.Time // see Refresh; zero when that has been done
	due     time.Time // when the timer looks at it; zero: never
	leaving bool      // it is about to be unpublished, and the timer leaves it alone
	turn    *turn     // the timer's work, while that is what it is busy with
	handed  kept      // what a kubelet brought during that work

	// Of whoever made it busy. Only kept is looked at by others, under Publisher.mu, under which it is changed as well.
	kept kept
	wish time.Time // asking, as it was when this work began
	gone bool      // to be forgotten at its release
	history
}

// turn is the timer's work on one volume.
type turn struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when the volume is free again
}

func errBusy(target string) error {
	return fault.New(fault.Busy, target, "another operation on this volume is in work")
}

// claim makes the volume the caller's own until its release.
func (p *Publisher) claim(target string) (*tracked, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.findLocked(target)
	if t.busy {
		return nil, errBusy(target)
	}
	t.claimLocked()
	return t, nil
}

// claimFor claims v's target for a kubelet's publish, or hands v to the timer that is at work there.
func (p *Publisher) claimFor(v Volume) (t *tracked, handed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t = p.findLocked(v.Target)
	switch {
	case !t.busy:
		t.claimLocked()
		t.beginLocked()
		return t, false, nil
	case t.turn != nil && t.kept.Pod == v.Pod:
		t.handed.erase()
		t.handed = keep(v)
		return nil, true, nil
	}
	return nil, false, errBusy(v.Target)
}

// claimFromTimer is claim, for somebody whom the timer makes way for.
func (p *Publisher) claimFromTimer(ctx context.Context, target string) (*tracked, error) {
	for {
		p.mu.Lock()
		t := p.findLocked(target)
		if !t.busy {
			t.claimLocked()
			p.mu.Unlock()
			return t, nil
		}
		turn := t.turn
		t.leaving = turn != nil
		p.mu.Unlock()
		if turn == nil {
			return nil, errBusy(target)
		}
		turn.cancel()
		select {
		case <-turn.done:
		case <-ctx.Done():
			return nil, errBusy(target)
		}
	}
}

// findLocked gives what is remembered of a target, nothing at first.
func (p *Publisher) findLocked(target string) *tracked {
	t, known := p.volumes[target]
	if !known {
		t = &tracked{target: target}
		p.volumes[target] = t
	}
	return t
}

func (t *tracked) claimLocked() { t.busy, t.leaving = true, false }

// beginLocked goes with the claim of whoever will publish: what is asked for from now on is for the next publish.
func (t *tracked) beginLocked() { t.soon, t.wish = false, t.asking }

// release gives a volume back. What is gone is forgotten, with all that was handed in for it.
func (p *Publisher) release(t *tracked) {
	p.mu.Lock()
	t.busy = false
	t.touched = p.Clock.Now()
	if t.turn != nil {
		t.takeHandedLocked()
		t.turn.cancel()
		close(t.turn.done)
		t.turn = nil
	}
	if t.gone {
		t.dropLocked()
		delete(p.volumes, t.target)
	}
	p.mu.Unlock()
	p.nudge()
}

// takeHandedLocked goes on with what the kubelet brought during the timer's work.
func (t *tracked) takeHandedLocked() {
	if t.handed.target == "" {
		return
	}
	if t.renewedBy(t.handed.Volume) {
		t.soon, t.history.retry.fetched = true, false
	}
	t.kept.erase()
	t.kept, t.handed = t.handed, kept{}
}

// dropLocked erases what the kubelet handed in, so that there is nothing left to be timed.
func (t *tracked) dropLocked() {
	t.kept.erase()
	t.handed.erase()
	t.due, t.asking = time.Time{}, time.Time{}
}

// remember keeps what a kubelet's publish brought for as long as content stands.
func (p *Publisher) remember(t *tracked, w *work, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.record.First && err != nil {
		t.dropLocked()
		return
	}
	t.kept.erase()
	t.kept = keep(w.Volume)
	t.planLocked(w)
}

// planLocked says when the timer is to look at the volume again.
func (t *tracked) planLocked(w *work) {
	if w.answered && !t.asking.After(w.refresh) {
		t.asking = time.Time{}
	}
	t.due = t.history.next(!t.asking.IsZero())
}

// Remembered is how many targets are known at this moment, those in work among them.
func (p *Publisher) Remembered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.volumes)
}
