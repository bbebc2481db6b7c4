package share

import (
	"context"
	"time"

	"strongroom/internal/fault"
)

// Get answers w from what is kept, from the flight in the air, or by fetch, which sends the request. Two callers with
// the same principal, vault and name must mean the same question and the same T.
//
// fetch runs in the caller's goroutine and under its ctx, or not at all. It should send one request, or a short chain
// of them, to w.Vault and to nobody else, without retries of its own; its error's kind decides what is erased
// (refusals) and whether the vault is paused (Throttled, Unavailable), so it must not bring another counterpart's
// failure: get the token before. It must not call Get. Its errors are shared with those who joined.
//
// Get fails with Expired when the grant has ended, at once or while it waited; with the gate's fault when the vault is
// paused for longer than the caller can wait; with Unavailable wrapping ctx's error when ctx ended first; otherwise
// with what fetch brought.
func Get[T Sized](ctx context.Context, p *Pool, w Want, fetch func(context.Context) (T, error)) (Answer[T], error) {
	at, now := slot{vault: w.Vault, name: w.Name}, p.clock.Now()
	notBefore := w.NotBefore
	if notBefore.IsZero() || notBefore.After(now) {
		notBefore = now
	}
	for ; ; now = p.clock.Now() {
		if err := w.Grant.check(now); err != nil {
			return Answer[T]{}, err
		}
		p.mu.Lock()
		if e := p.findLocked(w.Grant.Principal, at); e != nil && p.fits(e, &w, notBefore, now) {
			p.counts.hits++
			value, asked := p.takeLocked(e, now)
			p.mu.Unlock()
			return answer[T](value, asked, true)
		}
		f, leads := p.boardLocked(&w, at)
		joins := f.mayJoin(&w, notBefore)
		p.mu.Unlock()

		if leads {
			lead(ctx, p, f, journey{who: w.Grant.Principal, slot: at, patience: p.cfg.MaxWait}, fetch)
			return arrive[T](p, f, &w, false)
		}
		if err := f.wait(ctx); err != nil {
			return Answer[T]{}, err
		}
		if joins && f.shareable() {
			return arrive[T](p, f, &w, true)
		}
	}
}

// boardLocked is the flight for w: the one in the air, or a new one that the caller must lead.
func (p *Pool) boardLocked(w *Want, at slot) (f *flight, leads bool) {
	s := p.shelfLocked(w.Grant.Principal)
	if f = s.flights[at]; f != nil {
		return f, false
	}
	f = &flight{name: at.name, done: make(chan struct{})}
	s.flights[at] = f
	return f, true
}

// wait returns when f has landed, or with the waiting caller's own end.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, f.name, "gave up waiting for a request shared with others")
	}
}

// arrive hands out what a landed flight brought, if the caller's proof still holds.
func arrive[T any](p *Pool, f *flight, w *Want, joined bool) (Answer[T], error) {
	if err := w.Grant.check(p.clock.Now()); err != nil {
		return Answer[T]{}, err
	}
	if joined {
		p.mu.Lock()
		p.counts.joined++
		p.mu.Unlock()
	}
	if f.err != nil {
		return Answer[T]{}, ownCopy(f.err)
	}
	return answer[T](f.value, f.asked, joined)
}

// answer gives a shared value its type back.
func answer[T any](value any, asked time.Time, shared bool) (Answer[T], error) {
	v, ok := value.(T)
	if !ok {
		return Answer[T]{}, fault.New(fault.Internal, "share", "one question asked for two types of answer, %T and %T", value, v)
	}
	return Answer[T]{Value: v, AskedAt: asked, Shared: shared}, nil
}

// ownCopy lets every caller that shares an error add to it (Mend) without a race.
func ownCopy(err error) error {
	if e, ok := err.(*fault.Error); ok {
		c := *e
		return &c
	}
	return err
}

// LastKnownGood is the newest answer to w that is no older than maxAge, whatever w.NotBefore says. It is for a caller
// whose Get has just failed with something that passes, and whose class or operator allows it: a refusal has erased
// what there was. It asks for the same unexpired grant as Get and costs no request.
func LastKnownGood[T Sized](p *Pool, w Want, maxAge time.Duration) (Answer[T], bool) {
	now := p.clock.Now()
	if w.Grant.check(now) != nil {
		return Answer[T]{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.findLocked(w.Grant.Principal, slot{vault: w.Vault, name: w.Name})
	if e == nil || now.Sub(e.asked) > maxAge {
		return Answer[T]{}, false
	}
	value, asked := p.takeLocked(e, now)
	a, err := answer[T](value, asked, true)
	if err != nil {
		return Answer[T]{}, false
	}
	p.counts.stale++
	return a, true
}
