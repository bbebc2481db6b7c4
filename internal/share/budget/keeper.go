package budget

import (
	"slices"
	"strings"
	"time"
)

// Stats counts what happened at one gate since it was made.
type Stats struct {
	Name        string
	Sent        uint64    // requests let through
	Throttled   uint64    // of them, answered with "too many"
	Pauses      uint64    // steps of pause begun
	TurnedAway  uint64    // callers that failed without a request because of a pause
	InAir       int       // requests let through and not yet answered
	PausedUntil time.Time // zero when open
}

// Stats lists the gates remembered, by name.
func (k *Keeper) Stats() []Stats {
	k.mu.Lock()
	list := make([]Stats, 0, len(k.gates))
	for _, g := range k.gates {
		list = append(list, g.snapshot())
	}
	k.mu.Unlock()
	slices.SortFunc(list, func(a, b Stats) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (g *gate) snapshot() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stats
	s.Name, s.InAir, s.PausedUntil = g.name, len(g.places), g.until
	return s
}

func (g *gate) count(add func(*Stats)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	add(&g.stats)
}

// visit finds or makes the gate and keeps it from being forgotten until depart.
func (k *Keeper) visit(name string) *gate {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := k.gates[name]
	if g == nil {
		if len(k.gates) >= k.cfg.MaxNames {
			k.forgetOneLocked()
		}
		g = newGate(k, name)
		k.gates[name] = g
	}
	g.visitors++
	return g
}

func (k *Keeper) depart(g *gate) {
	now := k.cfg.Clock.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	g.visitors--
	g.rested = now
	if g.visitors == 0 && len(k.gates) > k.cfg.MaxNames {
		k.forgetOneLocked()
	}
}

// forgetOneLocked drops the deserted gate that has rested longest, preferring open ones: a forgotten pause costs the
// counterpart one request. While there are callers at every gate none is dropped, so that the bound may be passed by
// as many gates as there are callers.
func (k *Keeper) forgetOneLocked() {
	var victim *gate
	var victimOpen bool
	for _, g := range k.gates {
		if g.visitors > 0 {
			continue
		}
		open := g.open()
		if victim == nil || open && !victimOpen || open == victimOpen && g.rested.Before(victim.rested) {
			victim, victimOpen = g, open
		}
	}
	if victim != nil {
		delete(k.gates, victim.name)
	}
}
