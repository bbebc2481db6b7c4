package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// systemMounter mounts nothing: Windows has no tmpfs, and a volume is a directory on the node's disk, as it was with the
// driver that is replaced.
type systemMounter struct{}

func (systemMounter) Mount(string, []string) error      { return errors.ErrUnsupported }
func (systemMounter) Unmount(string) error              { return nil }
func (systemMounter) IsMountPoint(string) (bool, error) { return false, nil }
func onTmpfs(string) bool                               { return false }
func isShared(string) (bool, error)                     { return true, nil }

// exclude has nothing to keep out: one driver serves a node, and no FlexVolume program writes beside it here.
func (d *dir) exclude() (release func(), err error) { return func() {}, nil }

// Windows has no group of a pod, no modes but one flag for read-only, and no device number that tells mounts apart.
func give(*os.File, *int) error            { return nil }
func inGroup(fs.FileInfo, *int) bool       { return true }
func deviceOf(fs.FileInfo) uint64          { return 0 }
func sameMode(have, want fs.FileMode) bool { return have.Type() == want.Type() }

// canSync says that directories cannot be synced: NTFS keeps the order of changes to names in a journal of its own.
const canSync = false

// fileSystemStats knows the disk's bytes; NTFS makes room for names as they come.
func fileSystemStats(target string) (Stats, error) {
	path, err := windows.UTF16PtrFromString(target)
	if err != nil {
		return Stats{}, os.NewSyscallError("GetDiskFreeSpaceEx", err)
	}
	var available, total, free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &available, &total, &free); err != nil {
		return Stats{}, os.NewSyscallError("GetDiskFreeSpaceEx", err)
	}
	return Stats{Bytes: Usage{Total: int64(total), Available: int64(available), Used: int64(total - free)}}, nil
}

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// remedyHere says what mends an error on Windows, where nothing is mounted and other commands look.
func remedyHere(err error, target string) string {
	switch {
	case isFull(err):
		return "the node's disk is full: make room on it; old and new content exist together for a moment"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("let this process write there and make symbolic links (icacls %q, whoami /priv), or choose another target", target)
	}
	return fmt.Sprintf("look at it on the node: dir /a %q", target)
}
