package publish

import "time"

const (
	// shortestPeriod keeps an operator's interval of next to nothing from becoming a busy loop.
	shortestPeriod = time.Second
	// longestLead bounds lead.
	longestLead = 5 * time.Second
)

// lead is by how much an answer must be newer than the content it is to replace. Volumes of one principal learn of the
// same answer at moments that differ a little; without a lead each of them could be given the others' ageing answer
// again and again, for the little life it still has. It costs nothing as long as they differ by less.
func lead(interval time.Duration) time.Duration { return min(interval/16, longestLead) }

// due says whether content must be fetched: always for a first mount, for another class, for content of unknown age,
// when somebody asks for it, and when the content has reached the interval's age. What has just failed is held back
// until its next try, unless something has changed that may let it succeed.
func (h *history) due(w *work) (fetch, held bool) {
	now := w.record.At
	switch {
	case w.record.First:
		return true, false
	case h.holds(w) && !h.retry.older && !h.ripe(now):
		return false, false
	case w.renewed || w.interval == 0 || !h.retry.holdsBack(w):
		return true, false
	}
	return false, true
}

// holds says whether what stands is what the class asks for, and nobody asks for it anew.
func (h *history) holds(w *work) bool {
	return !h.askedAt.IsZero() && h.fingerprint == w.fingerprint && w.refresh.IsZero()
}

// notBefore is how fresh content must be: asked of the store at that moment or later, which is causal. Whoever changes
// a secret and then starts a pod, or asks for a refresh, must find the change in it. So a first mount may share only
// what was asked for after the pod was first seen, a refresh what was asked for after its request, and nobody anything
// older than the interval.
func (h *history) notBefore(w *work, now time.Time) time.Time {
	earliest := now.Add(-w.interval)
	if w.record.First {
		earliest = later(earliest, h.firstSeen)
	} else if !h.askedAt.IsZero() && h.ripe(now) {
		earliest = later(earliest, h.askedAt.Add(lead(w.interval)))
	}
	return later(earliest, w.refresh)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// next is when the timer should publish again; zero is never. A wish that has not been fulfilled is tried again whatever
// the interval.
func (h *history) next(wish bool) time.Time {
	switch {
	case !h.retry.until.IsZero() && (h.interval != 0 || wish):
		return h.retry.until
	case h.interval == 0 || h.interval == Never || h.askedAt.IsZero():
		return time.Time{}
	}
	return h.ripens(max(h.interval, shortestPeriod))
}
