package volume

import (
	"errors"
	"io/fs"
	"os"

	"strongroom/internal/fault"
)

// Remove takes the target away with everything in it, whoever put it there, and whatever is mounted on it. It may be
// repeated: a target that is gone, was never mounted or is half-made is a success. A symbolic link or a file at the
// target is removed itself; what a link points to is never touched, nor is another file system mounted deeper inside.
//
// Errors: Invalid for a path that cannot be a target, Busy when it is being changed, Internal otherwise; then nothing
// of it counts as complete any more, and another Remove goes on.
func (m *Manager) Remove(target string) error {
	target, unlock, err := m.lock(target)
	if err != nil {
		return err
	}
	defer unlock()
	if err := m.remove(target); err != nil {
		return failed(err, target, "remove")
	}
	return nil
}

// maxMounts is how many mounts on top of each other Remove takes off: a driver killed between looking and mounting
// leaves two at most, the rest is for luck.
const maxMounts = 16

func (m *Manager) remove(target string) error {
	info, err := os.Lstat(target)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return os.Remove(target)
	}
	// Emptied first: another mount namespace may keep the tmpfs alive, and then it must hold nothing.
	for range maxMounts {
		if err := m.empty(target); err != nil {
			return err
		}
		mounted, err := m.mounter.IsMountPoint(target)
		if err != nil {
			return err
		}
		if !mounted {
			return removeEmpty(target)
		}
		if err := m.mounter.Unmount(target); err != nil {
			return err
		}
	}
	return fault.New(fault.Internal, target, "still a mount point after %d unmounts", maxMounts)
}

// empty removes ..data before anything else, so that a set is never seen in part, not even by Inspect after a kill.
func (m *Manager) empty(target string) error {
	d, err := m.open(target)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.erase(dataLink); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, d.erase(e.Name()))
	}
	return errors.Join(errs...)
}

func removeEmpty(target string) error {
	if err := os.Remove(target); err != nil && !absent(err) {
		return err
	}
	return nil
}
