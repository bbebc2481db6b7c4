package publish

import "time"

// ripe says whether content is to be fetched again.
func (h *history) ripe(now time.Time) bool {
	switch h.interval {
	case 0:
		return true
	case Never:
		return false
	}
	return !now.Before(h.ripens(h.interval))
}

// ripens is when content reaches the interval's age, or up to a quarter of it earlier: see Config.Beat. Drawn by a part of
// the way only, content is asked for at most once more than it otherwise would, over several intervals; and already the
// first of them spreads over a quarter of an interval what was asked for at one moment.
func (h *history) ripens(interval time.Duration) time.Time {
	aged := h.askedAt.Add(interval)
	if h.beat.IsZero() {
		return aged
	}
	late := aged.Sub(h.beat) % interval
	if late <= lead(interval) {
		return aged // near enough: the period is exact
	}
	return aged.Add(-late / 4)
}
