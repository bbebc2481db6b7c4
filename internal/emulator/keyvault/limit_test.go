package keyvault

import (
	"testing"
	"time"
)

func TestALimitHoldsForEachWindow(t *testing.T) {
	t.Parallel()
	var w window
	limit, now := Limit{Requests: 2}, time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, step := range []struct{ later, wait time.Duration }{
		{0, 0}, {time.Second, 0}, {2 * time.Second, 7 * time.Second}, {0, 7 * time.Second}, {7 * time.Second, 0}, {0, 0}, {time.Second, 9 * time.Second},
	} {
		now = now.Add(step.later)
		if got := w.take(limit, now); got != step.wait {
			t.Errorf("at %s: wait %s, not %s", now, got, step.wait)
		}
	}
	if got := w.take(Limit{}, now); got != 0 {
		t.Errorf("no limit, and yet %s", got)
	}
}
