package socket

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic reads the clock that all processes of this machine share. Go's own monotonic readings count from the start
// of a process and mean nothing to another.
func monotonic() (time.Duration, bool) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano()), err == nil
}
