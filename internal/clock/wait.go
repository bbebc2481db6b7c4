package clock

import (
	"context"
	"time"
)

// Sleep waits for d by this clock. It is false when ctx ended first.
func Sleep(ctx context.Context, c Clock, d time.Duration) bool {
	over, stop := c.After(d)
	defer stop()
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
}

// Backoff is how long to wait after the given number of failures in a row: first after one, twice that after two, and so
// on up to most. No failure is no wait.
func Backoff(failures int, first, most time.Duration) time.Duration {
	if failures <= 0 {
		return 0
	}
	wait := first
	for ; failures > 1 && wait < most; failures-- {
		wait *= 2
	}
	return min(wait, most)
}
