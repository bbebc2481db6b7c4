package volume_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// someGroup is a group that this process may give a file to, if possible one that files do not have anyhow.
func someGroup() int {
	if os.Getuid() == 0 {
		return 2000
	}
	groups, err := os.Getgroups()
	other := slices.IndexFunc(groups, func(g int) bool { return g != os.Getegid() })
	if err != nil || other < 0 {
		return os.Getegid()
	}
	return groups[other]
}

func TestGroup(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	group := someGroup()
	files := []secret.File{{Path: "a", Mode: 0o440}, {Path: "d/e/b", Mode: 0o644}}
	write(t, m, target, files)
	wasOther := groupOf(t, filepath.Join(target, "a")) != group
	change, err := m.Write(target, files, &group)
	if err != nil {
		t.Fatal(err)
	}
	if change.Changed != wasOther {
		t.Errorf("another group alone: %+v", change)
	}
	modes := map[string]fs.FileMode{"a": 0o440, "d/e/b": 0o644, "d": 0o755, "d/e": 0o755, "..data": 0o755}
	for name, mode := range modes {
		path := filepath.Join(target, name)
		if got := groupOf(t, path); got != group {
			t.Errorf("%s belongs to group %d, want %d", name, got, group)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	for _, again := range []*int{&group, nil} { // no group is no wish
		if change, err := m.Write(target, files, again); err != nil || change.Changed {
			t.Errorf("again: %+v, %v", change, err)
		}
	}
}

func groupOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Gid)
}

// A group that the system refuses is an error that leaves the old set; root alone cannot be refused.
func TestGroupRefused(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	write(t, m, target, content{"a": "old"}.files())
	stranger := 123456
	_, err := m.Write(target, content{"a": "new"}.files(), &stranger)
	if os.Getuid() == 0 {
		if err != nil {
			t.Error(err)
		}
		return
	}
	wantKind(t, err, fault.Internal)
	same(t, "visible", content{"a": "old"}, visible(t, target))
	if left := reserved(t, target); len(left) != 2 {
		t.Errorf("left over: %v", left)
	}
}
