package socket

import (
	"time"

	"strongroom/internal/clock"
)

// moment is one moment by two clocks: the process's own, which its other times are read by, and the machine's monotonic
// one, which both ends of a socket share.
type moment struct {
	before, after time.Time     // by the own clock, around the reading of the other
	shared        time.Duration // by the machine's
	known         bool          // whether the machine's could be read
}

// A reading is close when the process was not put aside amid it. On a busy machine one can be, for longer than a vault
// takes to answer; a few tries find a close one.
const (
	closeReading = 20 * time.Microsecond
	mostReadings = 8
)

// readMoment reads both clocks as closely together as it can. What remains between them, each end counts so that an
// answer is taken for older than it is: the sender's time is the one before, the receiver's the one after.
func readMoment(c clock.Clock) (best moment) {
	for n := range mostReadings {
		var m moment
		m.before = c.Now()
		m.shared, m.known = monotonic()
		m.after = c.Now()
		if n == 0 || m.apart() < best.apart() {
			best = m
		}
		if best.apart() <= closeReading {
			break
		}
	}
	return best
}

func (m moment) apart() time.Duration { return m.after.Sub(m.before) }
