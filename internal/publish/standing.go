package publish

import (
	"slices"
	"sync"

	"strongroom/internal/provider"
)

// Standing is how the content that a volume shows fares. Recorders tell people when it changes, not each time it is
// looked at.
type Standing string

// The standings of a volume.
const (
	// Unknown is what nobody has told of yet, or what shows nothing.
	Unknown Standing = ""
	// Fresh content was given by the store when it last was due.
	Fresh Standing = "fresh"
	// Stale content is at least partly the last known good, because the store could not be asked.
	Stale Standing = "stale"
	// Unrefreshed content is what stood before the latest publish failed.
	Unrefreshed Standing = "unrefreshed"
)

// Standings remembers how the content of each volume fares, so that a recorder can tell a transition from a repetition.
// The zero value knows of no volume. It is safe for concurrent use.
type Standings struct {
	mu   sync.Mutex
	past map[string]past // by target
}

type past struct {
	standing Standing
	stale    bool // what was fetched last was stale; outlives the failures that follow it
}

// Note takes a record in, and says how its volume fared before and how it fares now. A first mount that failed leaves
// nothing to fare: it is Unknown, and forgotten.
func (s *Standings) Note(record Record) (was, is Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.past[record.Target]
	if record.First && record.Err != nil {
		delete(s.past, record.Target)
		return before.standing, Unknown
	}
	now := before.next(record)
	if s.past == nil {
		s.past = map[string]past{}
	}
	s.past[record.Target] = now
	return before.standing, now.standing
}

// Forget forgets a volume.
func (s *Standings) Forget(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.past, target)
}

// next is the past after a record. Where nothing was due, what stands is what was fetched last; where the next try is
// waited for, it is what could not be refreshed.
func (p past) next(record Record) past {
	if record.Err != nil || record.Skipped && !record.Failing.IsZero() {
		return past{Unrefreshed, p.stale}
	}
	if !record.Skipped {
		p.stale = slices.ContainsFunc(record.Report.Objects, func(o provider.Outcome) bool { return o.State == provider.Stale })
	}
	if p.stale {
		return past{Stale, true}
	}
	return past{Fresh, false}
}
