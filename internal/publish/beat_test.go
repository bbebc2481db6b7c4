package publish

import (
	"testing"
	"time"
)

func TestRotationsAreDrawnToTheBeat(t *testing.T) {
	t.Parallel()
	const interval = 2 * time.Minute
	begin := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, late := range []time.Duration{0, 4 * time.Second, 10 * time.Second, time.Minute, 119 * time.Second} {
		h := history{askedAt: begin.Add(late), interval: interval, beat: begin.Add(-6 * interval)}
		rounds := 0
		for ; rounds < 20; rounds++ {
			next := h.ripens(interval)
			if h.ripe(next.Add(-1)) || !h.ripe(next) {
				t.Fatalf("%s late: not ripe when it ripens", late)
			}
			period := next.Sub(h.askedAt)
			if period > interval || period < interval*3/4 {
				t.Fatalf("%s late: the next comes after %s", late, period)
			}
			h.askedAt = next
			if period == interval {
				break
			}
		}
		off := h.askedAt.Sub(h.beat) % interval
		if off > lead(interval) {
			t.Errorf("%s late: %s off the beat after %d rounds", late, off, rounds)
		}
	}
}

func TestWithoutABeatContentIsFetchedWhenItIsAnIntervalOld(t *testing.T) {
	t.Parallel()
	h := history{askedAt: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), interval: time.Minute}
	if got := h.ripens(time.Minute).Sub(h.askedAt); got != time.Minute {
		t.Errorf("after %s", got)
	}
	h.interval = Never
	if h.ripe(h.askedAt.Add(1e6 * time.Hour)) {
		t.Error("rotation is off, and yet it is ripe")
	}
	h.interval = 0
	if !h.ripe(h.askedAt) {
		t.Error("every republish is to fetch, and yet it is not ripe")
	}
}
