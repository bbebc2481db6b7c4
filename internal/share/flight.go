package share

import (
	"context"
	"errors"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// flight is one request in the air, or on its way there. All but done is guarded by Pool.mu until done is closed, and
// does not change afterwards.
type flight struct {
	name  string
	done  chan struct{}
	asked time.Time // just before the request was sent; zero while it waits for its turn
	void  bool      // a refusal overtook it: what it brings is its leader's alone

	value     any
	err       error
	abandoned bool // its leader went away: nobody knows what the answer would have been
}

// shareable reports whether a landed flight's outcome is anyone's but its leader's.
func (f *flight) shareable() bool { return !f.abandoned && !f.void }

// sent reports whether the request has left. Until then everybody may join, since it will be asked later than now.
func (f *flight) sent() bool { return !f.asked.IsZero() }

// mayJoin reports whether what f brings will be fresh enough.
func (f *flight) mayJoin(w *Want, notBefore time.Time) bool {
	return !f.sent() || w.Immutable || !f.asked.Before(notBefore)
}

// journey is what a flight needs to know of the caller that leads it.
type journey struct {
	who  secret.Principal
	slot slot
	// patience is how long it waits for a paused vault.
	patience time.Duration
	// lifeOf reads a token's life out of its value; nil for answers.
	lifeOf func(value any, now time.Time) life
}

// lead flies f in the caller's own goroutine. Whatever becomes of fetch, a panic and runtime.Goexit included, the
// flight lands, the budget is given back and the key stays usable.
func lead[T Sized](ctx context.Context, p *Pool, f *flight, j journey, fetch func(context.Context) (T, error)) {
	err := error(fault.New(fault.Internal, j.slot.name, "the request that was shared with others broke off"))
	var value any
	size := 0
	abandoned := false
	defer func() { p.land(f, j, landing{value, size, err, abandoned}) }()

	keeper := p.reads
	if j.slot.token {
		keeper = p.tokens
	}
	pass, refused := keeper.Enter(ctx, j.slot.vault, j.patience)
	if refused != nil {
		err, abandoned = refused, personal(refused)
		return
	}
	defer func() { pass.Leave(ctx, err) }()
	p.depart(f)
	brought, failed := fetch(ctx)
	if err = failed; err == nil {
		value, size = brought, brought.Size()
	}
	abandoned = err != nil && ctx.Err() != nil && inconclusive(err)
}

// personal reports whether an error tells of the caller's own context only.
func personal(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// inconclusive reports whether an error may come of nothing but the leader's having gone away.
func inconclusive(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Unavailable || kind == fault.Internal
}

// depart notes the moment of asking.
func (p *Pool) depart(f *flight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.asked = p.clock.Now()
	p.counts.flights++
}

type landing struct {
	value     any
	size      int
	err       error
	abandoned bool
}

// land records the outcome, keeps or erases accordingly, and lets the waiting go on.
func (p *Pool) land(f *flight, j journey, l landing) {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(f.done)
	f.value, f.err, f.abandoned = l.value, l.err, l.abandoned
	who := j.who
	if s := p.shelves[who]; s != nil && s.flights[j.slot] == f {
		delete(s.flights, j.slot)
		defer p.tidyLocked(who, s)
	}
	switch {
	case l.err == nil && !f.void:
		e := &entry{owner: who, slot: j.slot, value: l.value, size: l.size, asked: f.asked, used: now}
		if j.lifeOf != nil {
			e.life = j.lifeOf(l.value, now)
		}
		p.keepLocked(e)
	case l.err != nil && !l.abandoned:
		p.eraseLocked(j, now, l.err)
	}
}

// eraseLocked obeys a refusal. Any other failure erases nothing; a token's next refresh waits a while.
func (p *Pool) eraseLocked(j journey, now time.Time, err error) {
	refused := refuses(err, j.slot.token)
	if refused {
		p.counts.refusals++
	}
	e := p.findLocked(j.who, j.slot)
	switch {
	case refused && j.slot.token:
		p.forgetLocked(j.who, now) // who cannot prove who it is has nothing here
	case refused && e != nil:
		p.counts.erased++
		p.dropLocked(e)
	case e != nil:
		e.life.refreshOn = now.Add(refreshPause)
	}
}

// refuses reports whether a counterpart understood and said no. For a token that is any answer but "later": an
// authority calls an unknown tenant or application a bad request, where a vault means a question no one can ask.
func refuses(err error, token bool) bool {
	kind := fault.KindOf(err)
	return kind.Refusal() || token && kind == fault.Invalid
}
