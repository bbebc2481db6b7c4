package volume

import (
	"errors"
	"io/fs"
	"syscall"

	"strongroom/internal/fault"
)

// failed classifies an error of the system as Internal, says what mends it, and passes a fault through.
func failed(err error, target, doing string) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	e := fault.Wrap(err, fault.Internal, target, "failed to %s the volume", doing)
	if errors.Is(err, errNotDirectory) {
		e.Kind = fault.Invalid
		return e.Mend("remove what stands there, once it is clear whose it is")
	}
	return remedy(e, err, target)
}

// remedy says what a person on the node can do. The next publish tries again by itself.
func remedy(e *fault.Error, err error, target string) *fault.Error {
	if here := remedyHere(err, target); here != "" {
		return e.Mend("%s", here)
	}
	switch {
	case isFull(err):
		return e.Mend("the volume is full: make room in its file system, in bytes (df %[1]s) and in inodes (df -i %[1]s); old and new content exist together for a moment", target)
	case errors.Is(err, syscall.EROFS):
		return e.Mend("mount the file system below it writable again (findmnt -T %s); the kernel makes one read-only when its disk fails, and says so in dmesg", target)
	case errors.Is(err, fs.ErrPermission):
		return e.Mend("let this process write there, or choose another target")
	case errors.Is(err, syscall.EIO):
		return e.Mend("the disk below it fails (findmnt -T %s): see what the kernel says in dmesg, and move the node's pods elsewhere", target)
	case errors.Is(err, syscall.EBUSY):
		return e.Mend("see who uses it (fuser -vm %[1]s) and what is mounted in it (findmnt -R %[1]s), and end or unmount that", target)
	case errors.Is(err, syscall.ENOMEM):
		return e.Mend("the node or this process's memory limit has no memory left: make room there")
	}
	return e.Mend("look at it on the node: ls -la %[1]s, findmnt -R %[1]s, dmesg", target)
}
