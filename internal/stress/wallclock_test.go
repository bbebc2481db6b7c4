package stress

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAWallThatJumpsLeavesDurationsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := nodeClock{start: time.Now(), wrong: new(atomic.Int64)}
		before := clock.Now()
		if !before.Equal(time.Now()) {
			t.Errorf("%s instead of %s", before, time.Now())
		}
		time.Sleep(1500 * time.Millisecond)
		for _, by := range []time.Duration{time.Hour, -time.Hour, 90 * time.Minute} {
			clock.wrong.Store(int64(by))
			after := clock.Now()
			if got := after.Sub(before); got != 1500*time.Millisecond {
				t.Errorf("%s: %s passed", by, got)
			}
			if got := after.Round(0).Sub(before.Round(0)); got != 1500*time.Millisecond+by {
				t.Errorf("%s: the wall says that %s passed", by, got)
			}
			if later := after.Add(time.Minute); later.Sub(before) != 61500*time.Millisecond || !later.After(after) {
				t.Errorf("%s: a minute later is %s", by, later)
			}
		}
	})
}
