package volume_test

import (
	"os"
	"syscall"
)

func limitFileSize(bytes uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: bytes})
}

// dropPrivilege makes root somebody; anybody else is somebody already.
func dropPrivilege() error {
	if os.Getuid() != 0 {
		return nil
	}
	return syscall.Setuid(65534)
}
