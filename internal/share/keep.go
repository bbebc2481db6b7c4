package share

import (
	"time"

	"strongroom/internal/secret"
)

// overhead is what an entry costs beside its value and its names: two structs, a list element, a map slot.
const overhead = 512

// findLocked is the entry at a slot, nil when there is none.
func (p *Pool) findLocked(who secret.Principal, at slot) *entry {
	if s := p.shelves[who]; s != nil {
		return s.entries[at]
	}
	return nil
}

// takeLocked is what e holds, and notes that it was used.
func (p *Pool) takeLocked(e *entry, now time.Time) (value any, asked time.Time) {
	e.used = now
	p.used.MoveToFront(e.position)
	return e.value, e.asked
}

// keepLocked puts a landed answer in place of its predecessor, and makes room for it. A value larger than the whole
// bound is not kept, and its predecessor goes all the same: it has been superseded.
func (p *Pool) keepLocked(e *entry) {
	if old := p.findLocked(e.owner, e.slot); old != nil {
		p.dropLocked(old)
	}
	e.size += overhead + len(e.slot.vault) + len(e.slot.name)
	if e.size > p.cfg.MaxBytes || p.cfg.MaxEntries < 1 {
		p.counts.oversized++
		return
	}
	p.shelfLocked(e.owner).entries[e.slot] = e
	e.position = p.used.PushFront(e)
	p.bytes += e.size
	for p.used.Len() > p.cfg.MaxEntries || p.bytes > p.cfg.MaxBytes {
		p.counts.evictions++
		p.dropLocked(p.used.Back().Value.(*entry))
	}
}

// dropLocked removes an entry that is kept. The value is left to the collector.
func (p *Pool) dropLocked(e *entry) {
	p.used.Remove(e.position)
	p.bytes -= e.size
	s := p.shelves[e.owner]
	delete(s.entries, e.slot)
	p.tidyLocked(e.owner, s)
}

// fits reports whether an answer is fresh enough for w.
func (p *Pool) fits(e *entry, w *Want, notBefore, now time.Time) bool {
	if !w.Immutable {
		return !e.asked.Before(notBefore)
	}
	return p.cfg.Reauthorise < 0 || now.Sub(e.asked) < p.cfg.Reauthorise
}
