package publish

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// timedAtOnce bounds the timer's publishes in work: a node full of pods must not ask for all of them at once, and one
	// provider that hangs must not keep the others' volumes waiting.
	timedAtOnce = 16
	// timedPatience is how long one of them may take: a little less than the kubelet's patience with its own.
	timedPatience = 110 * time.Second
)

// Run publishes every remembered volume again when it is due, until ctx is done: when its content reaches the age of its
// interval, to the moment, when its class changes, when somebody asks for a refresh, and when a failure is to be tried
// again. What the kubelet finds in work it leaves alone; what it has in work waits its turn here. A volume whose tokens
// have ended waits for the kubelet to bring new ones. One Run at a time; the error is always nil.
func (p *Publisher) Run(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(timedAtOnce)
	for ctx.Err() == nil {
		now := p.Clock.Now()
		p.forgetLost(now)
		t, wait := p.next(ctx, now)
		if t != nil {
			group.Go(func() error { // waits for one of those in work to end
				p.rotate(t)
				return nil
			})
			continue
		}
		p.sleep(ctx, wait)
	}
	return group.Wait()
}

// nothingDue is what next says when no volume has a time: somebody will nudge.
const nothingDue time.Duration = -1

// sleep returns after d, or as soon as something may have become due.
func (p *Publisher) sleep(ctx context.Context, d time.Duration) {
	var due <-chan time.Time
	if d != nothingDue {
		fired, stop := p.Clock.After(d)
		defer stop()
		due = fired
	}
	select {
	case <-due:
	case <-p.wake:
	case <-ctx.Done():
	}
}

// nudge makes Run look again.
func (p *Publisher) nudge() {
	select {
	case p.wake <- struct{}{}:
	default: // it has been told
	}
}

// next claims the volume that has been due for the longest, or says how long it is until one will be.
func (p *Publisher) next(ctx context.Context, now time.Time) (*tracked, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first *tracked
	var at time.Time
	for _, t := range p.volumes {
		if due, timed := t.dueLocked(now); timed && (first == nil || due.Before(at)) {
			first, at = t, due
		}
	}
	switch {
	case first == nil:
		return nil, nothingDue
	case at.After(now):
		return nil, at.Sub(now)
	}
	first.claimLocked()
	first.beginLocked()
	turnCtx, cancel := context.WithCancel(ctx)
	first.turn = &turn{ctx: turnCtx, cancel: cancel, done: make(chan struct{})}
	return first, 0
}

// dueLocked is when the timer may look at the volume; the zero time is at once.
func (t *tracked) dueLocked(now time.Time) (at time.Time, timed bool) {
	switch {
	case t.busy || t.leaving || !t.kept.usable(now):
		return time.Time{}, false
	case t.soon:
		return time.Time{}, true
	}
	return t.due, !t.due.IsZero()
}

// rotate is one publish of the timer's. Work that had to make way, or found nothing standing, is not told of: the one is
// no failure, and the other is for the kubelet to find.
func (p *Publisher) rotate(t *tracked) {
	defer p.release(t)
	ctx, cancel := context.WithTimeout(t.turn.ctx, timedPatience)
	defer cancel()
	w := t.begin(t.kept.Volume, p.Clock.Now())
	w.record.Timed = true
	err := safely(func() error { return p.publish(ctx, w) })
	gaveWay := err != nil && t.turn.ctx.Err() != nil
	if !gaveWay && !w.record.First {
		p.tell(ctx, w, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.record.First {
		t.dropLocked()
		return
	}
	t.planLocked(w)
}
