package share

import (
	"container/list"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/secret"
	"strongroom/internal/share/budget"
)

// Pool keeps tokens and answers and lets requests through. One per process; safe for any number of callers.
type Pool struct {
	cfg    Config
	clock  clock.Clock
	reads  *budget.Keeper
	tokens *budget.Keeper // its own, so that a fetch may ask for its token from within without waiting for itself

	mu      sync.Mutex
	shelves map[secret.Principal]*shelf
	used    *list.List // of *entry, the most recently used in front
	bytes   int
	counts  counts
}

// shelf is everything kept for one principal, and everything in the air for it.
type shelf struct {
	entries map[slot]*entry
	flights map[slot]*flight
}

// entry is one landed answer.
type entry struct {
	owner    secret.Principal
	slot     slot
	value    any
	size     int
	asked    time.Time
	used     time.Time // when it was last handed out, at first when it landed
	life     life
	position *list.Element
}

// New makes a Pool. It starts nothing and needs no closing; a process that goes on for long calls Run.
func New(cfg Config) *Pool {
	cfg = cfg.withDefaults()
	return &Pool{
		cfg:     cfg,
		clock:   cfg.Clock,
		reads:   budget.New(cfg.budgets()),
		tokens:  budget.New(cfg.budgets()),
		shelves: map[secret.Principal]*shelf{},
		used:    list.New(),
	}
}

// Forget erases what was asked for on behalf of who up to and including asked: answers, tokens and last known good at
// every vault. What is in the air since then or before is neither kept nor shared. Call it when a counterpart refuses
// a token, with that token's AskedAt, so that a hundred callers refused at once do not throw away each other's
// replacement; then ask GetToken for one asked for after it. A refused GetToken does it by itself. A zero asked means
// everything up to now.
func (p *Pool) Forget(who secret.Principal, asked time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if asked.IsZero() {
		asked = p.clock.Now()
	}
	p.forgetLocked(who, asked)
}

func (p *Pool) forgetLocked(who secret.Principal, asked time.Time) {
	s := p.shelves[who]
	if s == nil {
		return
	}
	for _, e := range s.entries {
		if !e.asked.After(asked) {
			p.counts.erased++
			p.dropLocked(e)
		}
	}
	for at, f := range s.flights {
		if f.sent() && !f.asked.After(asked) {
			f.void = true
			delete(s.flights, at) // the next caller begins anew instead of joining
		}
	}
	p.tidyLocked(who, s)
}

// shelfLocked finds or makes who's shelf.
func (p *Pool) shelfLocked(who secret.Principal) *shelf {
	s := p.shelves[who]
	if s == nil {
		s = &shelf{entries: map[slot]*entry{}, flights: map[slot]*flight{}}
		p.shelves[who] = s
	}
	return s
}

// tidyLocked takes an empty shelf away, so that principals that came and went leave nothing behind.
func (p *Pool) tidyLocked(who secret.Principal, s *shelf) {
	if len(s.entries) == 0 && len(s.flights) == 0 && p.shelves[who] == s {
		delete(p.shelves, who)
	}
}
