package share

import "strongroom/internal/share/budget"

// counts is what happened since the pool was made; guarded by Pool.mu.
type counts struct {
	hits, flights, joined, stale, refusals, erased, evictions, oversized, swept uint64
}

// Stats is what a pool has done and what it holds, for metrics. It names vaults and authorities, never a principal, an
// object or a value.
type Stats struct {
	Hits      uint64 // callers served from what was kept
	Flights   uint64 // requests sent: fetches begun
	Joined    uint64 // callers served by another's request
	Stale     uint64 // last known goods, and tokens past a failed refresh
	Refusals  uint64 // fetches that a counterpart refused
	Erased    uint64 // entries dropped for a refusal
	Evictions uint64 // entries dropped for the bounds
	Oversized uint64 // answers larger than the bound, not kept
	Swept     uint64 // entries dropped because nobody used them

	Entries    int // kept now
	Bytes      int // of them, with keys and bookkeeping
	Principals int // with anything kept or in the air

	// Vaults and Authorities are the budgets remembered, at most Config.MaxVaults of each and as many as have callers.
	Vaults, Authorities []budget.Stats
}

// Stats is a snapshot.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	c := p.counts
	s := Stats{
		Hits: c.hits, Flights: c.flights, Joined: c.joined, Stale: c.stale, Refusals: c.refusals,
		Erased: c.erased, Evictions: c.evictions, Oversized: c.oversized, Swept: c.swept,
		Entries: p.used.Len(), Bytes: p.bytes, Principals: len(p.shelves),
	}
	p.mu.Unlock()
	s.Vaults, s.Authorities = p.reads.Stats(), p.tokens.Stats()
	return s
}
