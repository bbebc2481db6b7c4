//go:build linux || darwin

package unixsock

import (
	"errors"
	"os"
	"syscall"
)

// canLock says that a lock tells the living from the dead.
const canLock = true

// lock takes f for this process, until unlock or its death; the kernel lets go then. unlock closes f.
func lock(f *os.File) (unlock func(), err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errOwned
	}
	if err != nil {
		return nil, err
	}
	// Let go by name: a process being forked at this moment holds a copy of f, and closing ours would not free it.
	return func() { _ = errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close()) }, nil
}
