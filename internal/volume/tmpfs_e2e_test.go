//go:build e2e && linux

package volume_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"strongroom/internal/volume"
)

// The real thing, where mounting is allowed: run as root in a mount namespace of your own (unshare -m).
func TestTmpfs(t *testing.T) {
	m := volume.New(volume.Config{Mount: volume.Tmpfs, SizeLimit: 1 << 20})
	target := filepath.Join(t.TempDir(), "pod", "mount")
	t.Cleanup(func() {
		if err := m.Remove(target); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		state, err := m.Ensure(target)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "mounted", volume.State{Exists: true, Mounted: true, Backing: volume.BackingTmpfs}, state)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(target, &s); err != nil {
		t.Fatal(err)
	}
	if want := int64(unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC); s.Flags&want != want {
		t.Errorf("mount flags %x", s.Flags)
	}
	options := mountOptions(t, target)
	for _, want := range []string{"nosuid", "nodev", "noexec", "size=1024k"} {
		if !slices.Contains(options, want) {
			t.Errorf("no %s among %v", want, options)
		}
	}
	switch there := slices.Contains(options, "noswap"); {
	case !knowsNoswap(t):
		t.Log("noswap was NOT looked for: a kernel before 6.4 does not know it")
	case !there:
		t.Errorf("the content may be swapped out: %v", options)
	}
	old := content{"a": "1", "d/b": "2"}
	write(t, m, target, old.files())

	// Too much for the tmpfs: the old set stays, and the space comes back.
	_, err := m.Write(target, content{"a": strings.Repeat("x", 2<<20)}.files(), nil)
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full tmpfs: %v", err)
	}
	same(t, "visible", old, visible(t, target))
	write(t, m, target, content{"a": strings.Repeat("x", 400<<10)}.files())
	stats, err := m.Stats(target)
	if err != nil || stats.Bytes.Total != 1<<20 || stats.Bytes.Used < 400<<10 {
		t.Errorf("stats %+v, %v", stats, err)
	}

	// Mounted twice, as a driver killed in between may leave it, and in use.
	if err := unix.Mount("tmpfs", target, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	user, err := os.Open(target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = user.Close() }()
	for range 2 {
		if err := m.Remove(target); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

// A container whose volumes do not propagate mounts for itself alone: that is refused, and nothing is left.
func TestTmpfsThatNobodySeesIsRefused(t *testing.T) {
	m := volume.New(volume.Config{Mount: volume.Tmpfs, SizeLimit: 1 << 20, Shared: true})
	for propagation, refused := range map[uintptr]bool{unix.MS_PRIVATE: true, unix.MS_SHARED: false} {
		pods := t.TempDir()
		if err := errors.Join(unix.Mount(pods, pods, "", unix.MS_BIND, ""), unix.Mount("", pods, "", propagation, "")); err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(pods, "pod", "mount")
		state, err := m.Ensure(target)
		if refused && (err == nil || !strings.Contains(err.Error(), "seen by this container alone")) || !refused && err != nil {
			t.Errorf("propagation %x: %+v, %v", propagation, state, err)
		}
		if state, err := m.Inspect(target); err != nil || state.Mounted == refused {
			t.Errorf("propagation %x: %+v, %v", propagation, state, err)
		}
		if err := errors.Join(m.Remove(target), unix.Unmount(pods, 0)); err != nil {
			t.Error(err)
		}
	}
}

// mountOptions are those of a mount and of its file system, as the kernel tells them.
func mountOptions(t *testing.T, target string) []string {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		// Number, parent, device, root, where, options, any number of others, a dash, type, source, the file system's options.
		before, after, _ := strings.Cut(line, " - ")
		mount, system := strings.Fields(before), strings.Fields(after)
		if len(mount) > 5 && len(system) > 2 && mount[4] == target {
			return append(strings.Split(mount[5], ","), strings.Split(system[2], ",")...)
		}
	}
	t.Fatalf("no mount at %s", target)
	return nil
}

// knowsNoswap says whether the kernel is one that has the option.
func knowsNoswap(t *testing.T) bool {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	release := unix.ByteSliceToString(name.Release[:])
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("%s: %v", release, err)
	}
	return major > 6 || major == 6 && minor >= 4
}
