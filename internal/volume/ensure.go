package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"strongroom/internal/fault"
)

// Inspect says what stands at target, without changing anything. A missing target is the zero State. It may be called
// during a Write and then tells of the time before or after it.
func (m *Manager) Inspect(target string) (State, error) {
	target, err := checkTarget(target)
	if err != nil {
		return State{}, err
	}
	state, err := m.inspect(target)
	if err != nil {
		return State{}, failed(err, target, "inspect")
	}
	return state, nil
}

func (m *Manager) inspect(target string) (State, error) {
	d, err := m.open(target)
	if absent(err) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	defer d.close()
	mounted, err := m.mounter.IsMountPoint(target)
	if err != nil {
		return State{}, err
	}
	v, err := d.look()
	if err != nil {
		return State{}, err
	}
	return m.judge(mounted, v.finished(), onTmpfs(target)), nil
}

// judge puts the facts together: finished content on a disk counts only where a disk will do.
func (m *Manager) judge(mounted, finished, tmpfs bool) State {
	s := State{Exists: true, Mounted: mounted, Complete: finished, Backing: BackingPlain}
	switch {
	case mounted && tmpfs:
		s.Backing = BackingTmpfs
	case mounted:
		s.Backing = BackingOther
	case m.mode == Tmpfs:
		s.Complete = false
	default:
		s.Mounted = finished
	}
	return s
}

// Ensure makes the target a directory ready to be written, mounted as Config says, and tells what stands there then.
// Finished content is left as it is; so is, in mode Auto, finished content in a plain directory, because a tmpfs over
// it would be invisible to the pod that uses it. Parents are made with mode 0750, the target with 0755.
//
// Errors: Invalid for a path that is not absolute or not a directory of its own, Busy when another call is changing
// this target (the caller asks again later; waiting here would only pile up calls), Internal otherwise.
func (m *Manager) Ensure(target string) (State, error) {
	target, unlock, err := m.lock(target)
	if err != nil {
		return State{}, err
	}
	defer unlock()
	state, err := m.ensure(target)
	if err != nil {
		return State{}, failed(err, target, "prepare")
	}
	return state, nil
}

func (m *Manager) ensure(target string) (State, error) {
	if err := makeTarget(target); err != nil {
		return State{}, err
	}
	state, err := m.inspect(target)
	if err != nil || state.Mounted || !m.mounts() {
		return state, err
	}
	if err := m.mount(target); err != nil {
		return State{}, err
	}
	return m.inspect(target)
}

func makeTarget(target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	err := os.Mkdir(target, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil // with the mode its owner chose
	}
	if err != nil {
		return err
	}
	return os.Chmod(target, dirMode) // whatever the umask made of it
}

func (m *Manager) mounts() bool {
	return m.mode == Tmpfs || m.mode == Auto && !m.noTmpfs.Load()
}

// mount puts a tmpfs on target, without swap where the kernel can. In mode Auto a refusal is remembered and is no
// error.
func (m *Manager) mount(target string) error {
	options := []string{fmt.Sprintf("size=%d", m.size), "mode=0755"}
	err := error(syscall.EINVAL)
	if !m.noNoswap.Load() {
		err = m.mounter.Mount(target, append(options, "noswap"))
	}
	// An older kernel says EINVAL, a user namespace EPERM.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EPERM) {
		if err = m.mounter.Mount(target, options); err == nil {
			m.noNoswap.Store(true)
		}
	}
	if err == nil {
		return m.propagated(target)
	}
	if m.mode == Auto && mountingRefused(err) {
		m.noTmpfs.Store(true)
		return nil
	}
	return fault.Wrap(err, fault.Internal, target, "failed to mount a tmpfs").
		Mend("run the driver privileged, or allow plain directories")
}

// propagated takes a mount back that only this process sees, where others are to see it.
func (m *Manager) propagated(target string) error {
	if !m.shared {
		return nil
	}
	shared, err := isShared(target)
	if err == nil && shared {
		return nil
	}
	if err == nil {
		err = fault.New(fault.Internal, target, "a tmpfs mounted here is seen by this container alone, and pods would find nothing").
			Mend("give the volume with the kubelet's pods mountPropagation: Bidirectional")
	}
	return errors.Join(err, m.mounter.Unmount(target))
}

// mountingRefused tells "not here" from "not now".
func mountingRefused(err error) bool {
	for _, e := range []error{fs.ErrPermission, errors.ErrUnsupported, syscall.ENODEV, syscall.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
