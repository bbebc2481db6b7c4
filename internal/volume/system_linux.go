package volume

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// systemMounter is Linux's own.
type systemMounter struct{}

func (systemMounter) Mount(target string, options []string) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err := unix.Mount("tmpfs", target, "tmpfs", flags, strings.Join(options, ","))
	return os.NewSyscallError("mount", err)
}

// Unmount detaches a mount that is in use: its content has been removed, and a pod's end must not wait for whoever
// else on the node looks into it.
func (systemMounter) Unmount(target string) error {
	err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(target, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return os.NewSyscallError("umount", err)
}

// IsMountPoint asks the kernel directly; reading /proc/self/mountinfo takes longer the more pods a node has. A kernel
// before 5.8 does not say, and then a device other than the parent's decides, which is right for every tmpfs.
func (systemMounter) IsMountPoint(target string) (bool, error) {
	var here unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, target, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_TYPE, &here)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, os.NewSyscallError("statx", err)
	}
	if here.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return here.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	var above unix.Statx_t
	err = unix.Statx(unix.AT_FDCWD, filepath.Dir(target), 0, unix.STATX_TYPE, &above)
	return here.Dev_major != above.Dev_major || here.Dev_minor != above.Dev_minor, os.NewSyscallError("statx", err)
}

// isShared tells whether what is mounted at target is mounted for others, too: a mount belongs to a group of peers when
// the one it stands on does.
func isShared(target string) (bool, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	shared := false
	for line := range strings.Lines(string(table)) {
		before, _, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if len(fields) > 5 && fields[4] == target { // the last one is on top
			shared = slices.ContainsFunc(fields[6:], func(f string) bool { return strings.HasPrefix(f, "shared:") })
		}
	}
	return shared, nil
}

func onTmpfs(target string) bool {
	var s unix.Statfs_t
	return unix.Statfs(target, &s) == nil && s.Type == unix.TMPFS_MAGIC
}

func fileSystemStats(target string) (Stats, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(target, &s); err != nil {
		return Stats{}, os.NewSyscallError("statfs", err)
	}
	block := int64(s.Bsize)
	return Stats{
		Bytes: Usage{
			Total:     int64(s.Blocks) * block,
			Available: int64(s.Bavail) * block,
			Used:      int64(s.Blocks-s.Bfree) * block,
		},
		Inodes: Usage{Total: int64(s.Files), Available: int64(s.Ffree), Used: int64(s.Files - s.Ffree)},
	}, nil
}

// exclude keeps other processes from changing the target; the kernel lets go when this one dies.
func (d *dir) exclude() (release func(), err error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, failed(err, d.target, "lock")
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errBusy(d.target)
		}
		return nil, failed(err, d.target, "lock")
	}
	// Let go by name: a process being forked at this moment holds a copy of f, and closing ours would not free it.
	return func() { _ = errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close()) }, nil
}

// give hands an opened file to a group.
func give(f *os.File, group *int) error {
	if group == nil {
		return nil
	}
	return f.Chown(-1, *group)
}

func inGroup(info fs.FileInfo, group *int) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return group == nil || ok && int64(s.Gid) == int64(*group)
}

// sameMode compares type and permissions. Directories inherit the set-group-id bit from a parent that has it.
func sameMode(have, want fs.FileMode) bool { return have&^fs.ModeSetgid == want }

func deviceOf(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev)
	}
	return 0
}

// canSync says that directories can be synced.
const canSync = true

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}
