package budget

import (
	"context"
	"sync"
	"time"

	"strongroom/internal/fault"
)

// gate is one counterpart's budget. It is open while until is zero; paused before until; and from until on whoever
// comes first is the probe.
type gate struct {
	name   string
	keeper *Keeper
	places chan struct{} // one token per request in the air

	// visitors and rested belong to Keeper.mu.
	visitors int       // callers between visit and depart
	rested   time.Time // when the last one left

	mu      sync.Mutex
	until   time.Time
	step    int           // failed attempts since the gate was last open
	probing bool          // a probe is on its way
	cause   cause         // of the pause
	changed chan struct{} // closed and replaced at every verdict
	stats   Stats
}

// cause is what is told to those who are turned away. It holds nothing of the request that met it: that one may have
// been someone else's.
type cause struct {
	kind   fault.Kind
	status int
}

func newGate(k *Keeper, name string) *gate {
	places := positive(k.cfg.PerName[name], k.cfg.MaxPerName)
	return &gate{name: name, keeper: k, places: make(chan struct{}, places), changed: make(chan struct{})}
}

// await returns when the gate is open, or when the caller is to be the probe.
func (g *gate) await(ctx context.Context, giveUp time.Time) (probe bool, err error) {
	for {
		now := g.keeper.cfg.Clock.Now()
		g.mu.Lock()
		if g.until.IsZero() {
			g.mu.Unlock()
			return false, nil
		}
		if !g.probing && !now.Before(g.until) {
			g.probing = true
			g.mu.Unlock()
			return true, nil
		}
		wake, err := g.patienceLocked(ctx, now, giveUp)
		changed := g.changed
		g.mu.Unlock()
		if err != nil {
			return false, err
		}
		if err := g.sleep(ctx, wake.Sub(now), changed); err != nil {
			return false, err
		}
	}
}

// patienceLocked says when to look again, or why waiting is of no use.
func (g *gate) patienceLocked(ctx context.Context, now, giveUp time.Time) (time.Time, error) {
	wake := g.until
	if g.probing && !now.Before(g.until) {
		wake = giveUp // the verdict comes when it comes
	}
	if wake.After(giveUp) || !giveUp.After(now) {
		g.stats.TurnedAway++
		return wake, g.pausedErrorLocked(now, nil)
	}
	// A context's deadline is a moment of the machine's clock, whichever clock we were given.
	if deadline, has := ctx.Deadline(); has && !g.probing && time.Until(deadline) < wake.Sub(now) {
		g.stats.TurnedAway++
		return wake, g.pausedErrorLocked(now, context.DeadlineExceeded)
	}
	return wake, nil
}

func (g *gate) sleep(ctx context.Context, d time.Duration, changed <-chan struct{}) error {
	fired, stop := g.keeper.cfg.Clock.After(d)
	defer stop()
	select {
	case <-fired:
	case <-changed:
	case <-ctx.Done():
		return goneError(ctx, g.name)
	}
	return nil
}

// pausedErrorLocked is what those get who are turned away: when to come back, and why.
func (g *gate) pausedErrorLocked(now time.Time, why error) error {
	e := fault.New(g.cause.kind, g.name, "paused until %s after %s", g.until.UTC().Format(time.RFC3339), g.cause)
	if !now.Before(g.until) {
		e = fault.New(g.cause.kind, g.name, "paused after %s, and the probe that would end it has no answer yet", g.cause)
	}
	if g.cause.kind == fault.Unavailable {
		e.Mend("see that the name is right and that this node reaches it: its DNS, proxy, firewall and private endpoint")
	}
	e.RetryAfter = max(g.until.Sub(now), time.Second)
	e.Cause = why
	return e
}

// open reports whether anyone may pass.
func (g *gate) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until.IsZero()
}

// settle takes the outcome of a request that was inside, or that gave up on its way in.
func (g *gate) settle(probe bool, v verdict, retryAfter time.Duration, status int) {
	now := g.keeper.cfg.Clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if v == throttled {
		g.stats.Throttled++
	}
	paused := !g.until.IsZero()
	switch {
	case probe:
		g.probing = false
		g.afterProbeLocked(now, v, retryAfter, status)
	case !paused && (v == throttled || v == outage):
		g.pauseLocked(now, v, retryAfter, status)
	case paused && v == throttled && retryAfter > 0 && now.Add(asked(retryAfter)).After(g.until):
		// Sent before the pause and answered in it: no new step, but a longer wait asked for is a longer wait.
		g.until = now.Add(asked(retryAfter))
	default:
		return // nobody's turn changed
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) afterProbeLocked(now time.Time, v verdict, retryAfter time.Duration, status int) {
	switch {
	case v == none: // its caller went away: the next one probes
	case v == answered && now.Before(g.until): // a late 429 lengthened the pause meanwhile
	case v == answered:
		g.until, g.step, g.cause = time.Time{}, 0, cause{}
	default:
		g.pauseLocked(now, v, retryAfter, status)
	}
}

func (g *gate) pauseLocked(now time.Time, v verdict, retryAfter time.Duration, status int) {
	if v != unsure {
		g.cause = v.cause(status)
	}
	until := now.Add(pause(g.cause.kind, g.step, retryAfter, g.keeper.cfg.Rand))
	if until.After(g.until) {
		g.until = until
	}
	g.step++
	g.stats.Pauses++
}
