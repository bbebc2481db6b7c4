package share

import (
	"context"
	"time"
)

const (
	// refreshAhead is when a token is refreshed whose issuer did not say.
	refreshAhead = 5 * time.Minute
	// refreshPause is the least time between a failed refresh and the next.
	refreshPause = 30 * time.Second
)

// life is a token's time table. The zero life is over.
type life struct {
	refreshOn time.Time
	expiresOn time.Time
}

// lifeOf reads a token's life, and fills in a refresh time: five minutes before the end, or half way for the short
// lived.
func lifeOf(value any, now time.Time) life {
	token, ok := value.(Lifetime)
	if !ok {
		return life{}
	}
	refresh, expires := token.Life()
	if refresh.IsZero() {
		refresh = expires.Add(-refreshAhead)
		if half := now.Add(expires.Sub(now) / 2); half.After(refresh) {
			refresh = half
		}
	}
	return life{refresh, expires}
}

// GetToken is Get for tokens: w.Vault is the authority, w.Name says what the token is for, and age does not matter, the
// token's own life does. A token that is still good for Config.TokenMargin is handed out again. Once it is due for
// refresh, one caller fetches the next while everybody else goes on with the old one; when that fails with anything
// but a refusal the old one still serves, and the next attempt is half a minute away.
//
// A refusal, which for an authority includes Invalid, erases everything of the principal: tokens, answers and last
// known good.
//
// A non-zero w.NotBefore asks for a token asked for at or after it: the way to get a new one when a vault has refused
// the old (its AskedAt plus one nanosecond), at the cost of one request however many callers were refused.
// w.Immutable means nothing here. fetch may be called from within a fetch of Get.
func GetToken[T Lifetime](ctx context.Context, p *Pool, w Want, fetch func(context.Context) (T, error)) (Answer[T], error) {
	at, now := slot{token: true, vault: w.Vault, name: w.Name}, p.clock.Now()
	notBefore := w.NotBefore
	if notBefore.After(now) {
		notBefore = now
	}
	for ; ; now = p.clock.Now() {
		if err := w.Grant.check(now); err != nil {
			return Answer[T]{}, err
		}
		p.mu.Lock()
		e := p.findLocked(w.Grant.Principal, at)
		good := e != nil && p.good(e, notBefore, now)
		if good && (now.Before(e.life.refreshOn) || p.inAirLocked(&w, at)) {
			p.counts.hits++
			value, asked := p.takeLocked(e, now)
			p.mu.Unlock()
			return answer[T](value, asked, true)
		}
		f, leads := p.boardLocked(&w, at)
		joins := f.mayJoin(&w, notBefore)
		p.mu.Unlock()

		if leads {
			return renew(ctx, p, f, w, at, good, fetch)
		}
		if err := f.wait(ctx); err != nil {
			return Answer[T]{}, err
		}
		if joins && f.shareable() {
			return arrive[T](p, f, &w, true)
		}
	}
}

// renew fetches a token; with a good one at hand it waits for no pause and falls back on it.
func renew[T Lifetime](ctx context.Context, p *Pool, f *flight, w Want, at slot, good bool, fetch func(context.Context) (T, error)) (Answer[T], error) {
	j := journey{who: w.Grant.Principal, slot: at, patience: p.cfg.MaxWait, lifeOf: lifeOf}
	if good {
		j.patience = 0
	}
	lead(ctx, p, f, j, fetch)
	if f.err == nil || !good {
		return arrive[T](p, f, &w, false)
	}
	now := p.clock.Now()
	p.mu.Lock()
	e := p.findLocked(w.Grant.Principal, at)
	if e == nil || !p.good(e, w.NotBefore, now) || w.Grant.check(now) != nil {
		p.mu.Unlock()
		return arrive[T](p, f, &w, false)
	}
	p.counts.stale++
	value, asked := p.takeLocked(e, now)
	p.mu.Unlock()
	return answer[T](value, asked, true)
}

// good reports whether a token may be handed out again.
func (p *Pool) good(e *entry, notBefore, now time.Time) bool {
	return now.Before(e.life.expiresOn.Add(-p.cfg.TokenMargin)) && !e.asked.Before(notBefore)
}

func (p *Pool) inAirLocked(w *Want, at slot) bool {
	s := p.shelves[w.Grant.Principal]
	return s != nil && s.flights[at] != nil
}
