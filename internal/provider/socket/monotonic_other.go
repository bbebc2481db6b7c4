//go:build !linux && !windows

package socket

import "time"

// monotonic is known only where the clock can be read without cgo; elsewhere a request's time underway is not known.
func monotonic() (time.Duration, bool) { return 0, false }
