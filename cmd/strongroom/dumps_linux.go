package main

import "golang.org/x/sys/unix"

// keepOutOfDumps sees to it that a crash leaves no core file with secrets in it and that no other process of this user
// can attach and read them. A kernel that refuses is no reason not to serve.
func keepOutOfDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
