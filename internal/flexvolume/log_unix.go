//go:build unix

package flexvolume

import "syscall"

// noFollow keeps a link at the log's place from leading the writes of root elsewhere.
const noFollow = syscall.O_NOFOLLOW
