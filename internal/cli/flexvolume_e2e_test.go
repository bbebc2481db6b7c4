//go:build e2e && linux

package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"strongroom/internal/flexvolume"
)

// The real thing, where mounting is allowed: run as root in a mount namespace of your own (unshare -m).
func TestTmpfsOfTheFlexVolume(t *testing.T) {
	n := newFlexNode(t)
	delete(n.set, "volumes")
	n.serve(t)
	t.Cleanup(func() {
		left, _ := filepath.Glob(filepath.Join(n.dir, "pods", "*", "volumes", "azure~kv", "vol"))
		for _, target := range left {
			if answer, _ := n.call(t, "unmount", target); answer.Status != flexvolume.Success {
				t.Errorf("%+v", answer)
			}
		}
	})
	target := n.mounts(t, "a", principal("kubernetes.io/mounterArgs.FsGroup", "2000")...)
	n.reads(t, target, "db", value)
	var s unix.Statfs_t
	if err := unix.Statfs(target, &s); err != nil {
		t.Fatal(err)
	}
	if want := int64(unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC); s.Type != unix.TMPFS_MAGIC || s.Flags&want != want || int64(s.Blocks)*s.Bsize > 64<<20 {
		t.Errorf("type %x, flags %x, %d bytes", s.Type, s.Flags, int64(s.Blocks)*s.Bsize)
	}
	info, err := os.Stat(filepath.Join(target, "db"))
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	var file unix.Stat_t
	if err := unix.Stat(filepath.Join(target, "db"), &file); err != nil || file.Uid != 0 || file.Gid != 2000 {
		t.Errorf("owner %d:%d, %v", file.Uid, file.Gid, err)
	}

	// Mounted again without a fetch; a failed mount leaves no mount.
	n.azure.ResetRequests()
	n.mounts(t, "a", principal()...)
	if calls := n.azure.Requests(); len(calls) != 0 {
		t.Errorf("asked again: %v", calls)
	}
	n.refuses(t, "b", "failed to get objectType:secret, objectName:none", principal("keyvaultobjectnames", "none")...)
	notMounted(t, n.target(t, "b"))

	// What a program that was killed left is used, and what the original driver left stays as it is.
	half, original := n.target(t, "c"), n.target(t, "d")
	for _, dir := range []string{half, original} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	n.reads(t, n.mounts(t, "c", principal()...), "db", value)
	if err := os.WriteFile(filepath.Join(original, "db"), []byte("the original's"), 0o644); err != nil {
		t.Fatal(err)
	}
	n.reads(t, n.mounts(t, "d", principal()...), "db", "the original's")

	for _, dir := range []string{target, half, original} {
		for range 2 {
			if answer, code := n.call(t, "unmount", dir); answer.Status != flexvolume.Success || code != 0 {
				t.Errorf("unmount: %+v, %d", answer, code)
			}
		}
		notMounted(t, dir)
	}
}

func notMounted(t *testing.T, target string) {
	t.Helper()
	if _, err := os.Lstat(target); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", target, err)
	}
}
