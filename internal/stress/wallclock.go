package stress

import (
	"sync/atomic"
	"time"
	"unsafe"

	"strongroom/internal/clock"
)

// nodeClock is a node's clock: a wall that can be set wrong, as when somebody steps the time of a running machine, and a
// monotonic reading that goes on whatever the wall does. Within a bubble time.Now has no such reading.
type nodeClock struct {
	clock.Real
	start time.Time
	wrong *atomic.Int64 // by how much the wall is, in nanoseconds
}

// Now is the node's idea of the time.
func (c nodeClock) Now() time.Time {
	now := time.Now()
	return dated(now.Add(time.Duration(c.wrong.Load())), now.Sub(c.start)+1)
}

// instant is how a time.Time with a monotonic reading is laid out: a mark, 33 bits of seconds of the wall since 1885 and
// 30 of nanoseconds; and beside them the reading. No function makes one of two parts.
type instant struct {
	wall      uint64
	monotonic int64
	place     *time.Location
}

var year1885 = time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// dated is a time of that wall and that reading.
func dated(wall time.Time, reading time.Duration) (t time.Time) {
	*(*instant)(unsafe.Pointer(&t)) = instant{
		wall:      1<<63 | uint64(wall.Unix()-year1885)<<30 | uint64(wall.Nanosecond()),
		monotonic: int64(reading),
		place:     time.UTC,
	}
	return t
}

// startReading is the start by this clock, to subtract from what it said later.
func (c nodeClock) startReading() time.Time { return dated(c.start, 1) }
