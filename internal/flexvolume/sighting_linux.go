package flexvolume

import (
	"time"

	"golang.org/x/sys/unix"
)

// madeAt is when a directory was made, where its file system remembers that.
func madeAt(dir string) (time.Time, bool) {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME, &s); err != nil || s.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}, false
	}
	return time.Unix(s.Btime.Sec, int64(s.Btime.Nsec)), true
}
