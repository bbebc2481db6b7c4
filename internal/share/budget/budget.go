// Package budget keeps everyone on a node within what a counterpart (a vault, a token authority) can bear.
//
// Each counterpart has a gate. A bounded number of requests is inside at a time. When the counterpart throttles (429,
// 503) or cannot be reached, the gate pauses for all comers, whoever they act for: by Retry-After when it was given,
// otherwise by doubling steps. At the end of a step exactly one request goes through as a probe, and the others wait
// for its verdict: an answer opens the gate, another failure takes the next step.
//
// A counterpart that answers is up, whatever it answers: a refusal or a bad request opens the gate like a success. An
// error about one object (500) or an error nobody classified pauses nothing, but does not end a pause either. A probe
// whose caller went away hands its turn to the next.
//
// Nothing here starts a goroutine or sleeps except on the clock and within the caller's context.
package budget

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// Config bounds a Keeper. The zero value is usable.
type Config struct {
	Clock      clock.Clock    // nil: the machine's
	Rand       func() float64 // numbers in [0, 1) that spread back-off steps; nil: math/rand
	MaxInside  int            // requests in the air to all counterparts together; 0: 256
	MaxPerName int            // requests in the air to one counterpart; 0: 32
	PerName    map[string]int // overrides MaxPerName for some
	MaxNames   int            // gates remembered while nobody is at them; 0: 1,024
}

// Keeper holds the gates. Use New.
type Keeper struct {
	cfg Config
	all chan struct{} // one token per request in the air

	mu    sync.Mutex
	gates map[string]*gate
}

// New makes a Keeper. It starts nothing.
func New(cfg Config) *Keeper {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	cfg.MaxInside = positive(cfg.MaxInside, 256)
	cfg.MaxPerName = positive(cfg.MaxPerName, 32)
	cfg.MaxNames = positive(cfg.MaxNames, 1024)
	return &Keeper{cfg: cfg, all: make(chan struct{}, cfg.MaxInside), gates: map[string]*gate{}}
}

// Enter returns once a request to name may be sent; the Pass must be left with its outcome. While the gate is paused
// it waits for at most patience, and fails at once when that is known not to suffice: with the kind of what caused the
// pause (Throttled or Unavailable), RetryAfter, and the time the pause ends. When ctx is what does not suffice, the
// error wraps context.DeadlineExceeded or context.Canceled, so that a caller with more time can be told apart.
// Waiting for a place inside is bounded by ctx alone.
func (k *Keeper) Enter(ctx context.Context, name string, patience time.Duration) (*Pass, error) {
	g := k.visit(name)
	giveUp := k.cfg.Clock.Now().Add(patience)
	for {
		probe, err := g.await(ctx, giveUp)
		if err != nil {
			k.depart(g)
			return nil, err
		}
		p := &Pass{keeper: k, gate: g, probe: probe}
		if err := p.takePlaces(ctx); err != nil {
			p.abandon()
			return nil, err
		}
		if probe || g.open() {
			g.count(func(s *Stats) { s.Sent++ })
			return p, nil
		}
		p.givePlaces() // a pause began while we queued
	}
}

// Pass is the right to have one request in the air.
type Pass struct {
	keeper *Keeper
	gate   *gate
	probe  bool
	inside bool // holds a place at the gate
	within bool // holds a place of the bound on all
}

// Leave gives the places back and tells the gate how the request went: err is what it returned, ctx the context it ran
// under. It must be called exactly once.
func (p *Pass) Leave(ctx context.Context, err error) {
	p.givePlaces()
	p.gate.settle(p.probe, judge(ctx, err), fault.RetryAfterOf(err), statusOf(err))
	p.keeper.depart(p.gate)
}

// abandon is Leave for a request that was never sent.
func (p *Pass) abandon() {
	p.givePlaces()
	p.gate.settle(p.probe, none, 0, 0)
	p.keeper.depart(p.gate)
}

func (p *Pass) takePlaces(ctx context.Context) error {
	if p.inside = take(ctx, p.gate.places); !p.inside {
		return goneError(ctx, p.gate.name)
	}
	if p.within = take(ctx, p.keeper.all); !p.within {
		return goneError(ctx, p.gate.name)
	}
	return nil
}

func (p *Pass) givePlaces() {
	if p.within {
		<-p.keeper.all
	}
	if p.inside {
		<-p.gate.places
	}
	p.inside, p.within = false, false
}

// take puts a token into a bounded channel, or gives up with ctx.
func take(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func goneError(ctx context.Context, name string) error {
	return fault.Wrap(ctx.Err(), fault.Unavailable, name, "gave up waiting for a turn")
}

func positive(v, standard int) int {
	if v <= 0 {
		return standard
	}
	return v
}
