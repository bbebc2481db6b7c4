// Package clock is the time the rooms are given, so that tests turn it by hand and never wait.
package clock

import "time"

// Clock tells the time and makes timers. Times from Now carry a monotonic reading in production.
type Clock interface {
	Now() time.Time
	// After fires once after d; d <= 0 fires at once. stop releases the timer early and may be called twice.
	After(d time.Duration) (fired <-chan time.Time, stop func())
}

// Real is the machine's clock.
type Real struct{}

// Now is time.Now.
func (Real) Now() time.Time { return time.Now() }

// After is time.NewTimer.
func (Real) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
