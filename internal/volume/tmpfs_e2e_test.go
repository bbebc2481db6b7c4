//go:build e2e && linux

package volume_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
