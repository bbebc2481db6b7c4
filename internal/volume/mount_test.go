package volume_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/volume"
)

// mounts stands in for the kernel's mount table, to see what is asked of it. Nothing is really mounted.
type mounts struct {
	refuse  func(options string) error
	asked   []string
	mounted map[string]int
}

func (m *mounts) Mount(target string, options []string) error {
	all := strings.Join(options, ",")
	m.asked = append(m.asked, all)
	if m.refuse != nil {
		if err := m.refuse(all); err != nil {
			return err
		}
	}
	m.mounted[target]++
	return nil
}

func (m *mounts) Unmount(target string) error {
	m.mounted[target]--
	return nil
}

func (m *mounts) IsMountPoint(target string) (bool, error) { return m.mounted[target] > 0, nil }

const (
	withNoswap    = "size=4096,mode=0755,noswap"
	withoutNoswap = "size=4096,mode=0755"
)

func oldKernel(options string) error {
	if strings.Contains(options, "noswap") {
		return syscall.EINVAL
	}
	return nil
}

func noPrivilege(string) error { return syscall.EPERM }

func TestMounting(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		mode   volume.MountMode
		refuse func(string) error
		asked  []string // for two targets, one after the other
		err    bool
		state  volume.State
	}{
		"tmpfs": {
			mode: volume.Tmpfs, asked: []string{withNoswap, withNoswap},
			state: volume.State{Exists: true, Mounted: true},
		},
		"auto": {
			mode: volume.Auto, asked: []string{withNoswap, withNoswap},
			state: volume.State{Exists: true, Mounted: true},
		},
		"a kernel without noswap is asked once": {
			mode: volume.Tmpfs, refuse: oldKernel, asked: []string{withNoswap, withoutNoswap, withoutNoswap},
			state: volume.State{Exists: true, Mounted: true},
		},
		"auto without privilege is asked once": {
			mode: volume.Auto, refuse: noPrivilege, asked: []string{withNoswap, withoutNoswap},
			state: volume.State{Exists: true, Backing: volume.BackingPlain},
		},
		"tmpfs without privilege": {
			mode: volume.Tmpfs, refuse: noPrivilege, err: true,
			asked: []string{withNoswap, withoutNoswap, withNoswap, withoutNoswap},
		},
		"auto, out of memory": {
			mode: volume.Auto, refuse: func(string) error { return syscall.ENOMEM }, err: true,
			asked: []string{withNoswap, withNoswap},
		},
		"plain": {mode: volume.Plain, state: volume.State{Exists: true, Backing: volume.BackingPlain}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := &mounts{refuse: c.refuse, mounted: map[string]int{}}
			m := volume.New(volume.Config{Mount: c.mode, SizeLimit: 4096, Mounter: table})
			for _, pod := range []string{"one", "two"} {
				state, err := m.Ensure(filepath.Join(t.TempDir(), pod))
				if c.err {
					wantKind(t, err, fault.Internal)
				} else if err != nil {
					t.Fatal(err)
				}
				if state.Mounted {
					state.Backing = "" // it was not really mounted, so this tells only what holds the tests' directories
				}
				same(t, "state", c.state, state)
			}
			same(t, "asked of the kernel", c.asked, table.asked)
		})
	}
}

// Where a tmpfs is asked for, content on disk is not complete, and nothing is written to disk.
func TestTmpfsOrNothing(t *testing.T) {
	t.Parallel()
	target := prepared(t, plain())
	write(t, plain(), target, content{"a": "1"}.files())
	m := volume.New(volume.Config{Mount: volume.Tmpfs, Mounter: &mounts{mounted: map[string]int{}}})
	state, err := m.Inspect(target)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "state", volume.State{Exists: true, Backing: volume.BackingPlain}, state)
	_, err = m.Write(target, content{"a": "2"}.files(), nil)
	wantKind(t, err, fault.Internal)
	same(t, "visible", content{"a": "1"}, visible(t, target))
}

// Finished content in a plain directory is in use by a pod, which would never see a tmpfs mounted over it.
func TestAutoKeepsAPlainVolume(t *testing.T) {
	t.Parallel()
	target := prepared(t, plain())
	write(t, plain(), target, content{"a": "1"}.files())
	table := &mounts{mounted: map[string]int{}}
	m := volume.New(volume.Config{Mounter: table})
	state, err := m.Ensure(target)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "state", volume.State{Exists: true, Mounted: true, Complete: true, Backing: volume.BackingPlain}, state)
	same(t, "mounts", 0, len(table.asked))
}

// A driver killed between two mounts, or two of them, may have left several on top of each other.
func TestRemoveUnmountsAll(t *testing.T) {
	t.Parallel()
	target := prepared(t, plain())
	table := &mounts{mounted: map[string]int{target: 3}}
	m := volume.New(volume.Config{Mounter: table})
	if err := m.Remove(target); err != nil {
		t.Fatal(err)
	}
	same(t, "mounts left", 0, table.mounted[target])
	table.mounted[target] = 1000
	if _, err := plain().Ensure(target); err != nil {
		t.Fatal(err)
	}
	wantKind(t, m.Remove(target), fault.Internal)
}

type broken struct{ volume.Mounter }

func (broken) IsMountPoint(string) (bool, error) { return false, errors.New("no answer") }

func TestUnknownMountIsAnError(t *testing.T) {
	t.Parallel()
	target := prepared(t, plain())
	m := volume.New(volume.Config{Mount: volume.Tmpfs, Mounter: broken{}})
	_, err := m.Inspect(target)
	wantKind(t, err, fault.Internal)
	_, err = m.Ensure(target)
	wantKind(t, err, fault.Internal)
	_, err = m.Write(target, nil, nil)
	wantKind(t, err, fault.Internal)
	wantKind(t, m.Remove(target), fault.Internal)
}
