package stress

import (
	"sync/atomic"
	"time"
)

// machineTime tells how long it has been by the machine's clock, to those too who are in a bubble.
func machineTime() (passed func() time.Duration, stop func()) {
	began, tick, end := time.Now(), time.NewTicker(50*time.Millisecond), make(chan struct{})
	var now atomic.Int64
	go func() {
		for {
			select {
			case <-tick.C:
				now.Store(int64(time.Since(began)))
			case <-end:
				return
			}
		}
	}()
	return func() time.Duration { return time.Duration(now.Load()) }, func() { tick.Stop(); close(end) }
}
