package volume_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// plain is a manager that mounts nothing, whoever runs the tests.
func plain() *volume.Manager { return volume.New(volume.Config{Mount: volume.Plain}) }

// content is a set of files by path; all have mode 0644.
type content map[string]string

func (c content) files() []secret.File {
	var files []secret.File
	for path, text := range c {
		files = append(files, secret.File{Path: path, Mode: 0o644, Contents: secret.NewValue([]byte(text))})
	}
	return files
}

// visible is what a pod can read below target, the way a pod would read it.
func visible(t *testing.T, target string) content {
	t.Helper()
	seen := content{}
	entries, err := os.ReadDir(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "..") {
			gather(t, seen, target, e.Name())
		}
	}
	return seen
}

func gather(t *testing.T, seen content, target, name string) {
	t.Helper()
	path := filepath.Join(target, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return // a link that leads nowhere yet
	}
	if err != nil {
		t.Fatal(err)
	}
	if !info.IsDir() {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen[name] = string(text)
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		gather(t, seen, target, name+"/"+e.Name())
	}
}

// reserved lists the names in target that Manager keeps for itself.
func reserved(t *testing.T, target string) []string {
	t.Helper()
	entries, err := os.ReadDir(target)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "..") {
			names = append(names, e.Name())
		}
	}
	return names
}

// generation is a set in which every file says which set it belongs to, and whose names differ from its neighbours'.
func generation(n int) content {
	tag := strconv.Itoa(n)
	return content{
		"a": tag, "z": tag, "dir/x": tag, "dir/sub/y": tag,
		fmt.Sprintf("third-%d", n%3): tag, fmt.Sprintf("half-%d/v", n%2): tag,
	}
}

func prepared(t *testing.T, m *volume.Manager) (target string) {
	t.Helper()
	target = filepath.Join(t.TempDir(), "pod", "mount")
	if _, err := m.Ensure(target); err != nil {
		t.Fatal(err)
	}
	return target
}

func write(t *testing.T, m *volume.Manager, target string, files []secret.File) volume.Change {
	t.Helper()
	change, err := m.Write(target, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("error %v, want one of kind %v", err, kind)
	}
}

func TestLifeOfAVolume(t *testing.T) {
	t.Parallel()
	m := plain()
	target := filepath.Join(t.TempDir(), "pod", "mount")

	state, err := m.Inspect(target)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "before", volume.State{}, state)

	state, err = m.Ensure(target)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "ensured", volume.State{Exists: true, Backing: volume.BackingPlain}, state)

	change := write(t, m, target, content{"password": "hunter2", "tls/key": "k"}.files())
	same(t, "change", volume.Change{Changed: true, Added: []string{"password", "tls/key"}}, change)

	state, err = m.Ensure(target)
	if err != nil {
		t.Fatal(err)
	}
	full := volume.State{Exists: true, Mounted: true, Complete: true, Backing: volume.BackingPlain}
	same(t, "written", full, state)

	names, err := m.Names(target)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "names", []string{"password", "tls/key"}, names)

	for range 2 {
		if err := m.Remove(target); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

// The layout is a contract: subPath mounts, upstream's readers and its writer all know it.
func TestLayout(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	write(t, m, target, content{"a": "1", "dir/sub/b": "2"}.files())

	data, err := os.Readlink(filepath.Join(target, "..data"))
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := filepath.Match("..[0-9][0-9][0-9][0-9]_[0-9][0-9]_[0-9][0-9]_[0-9][0-9]_[0-9][0-9]_[0-9][0-9].?*", data); !ok {
		t.Errorf("..data points to %q", data)
	}
	for name, to := range map[string]string{"a": "..data/a", "dir": "..data/dir"} {
		got, err := os.Readlink(filepath.Join(target, name))
		if err != nil || got != to {
			t.Errorf("%s is a link to %q (%v), want %q", name, got, err, to)
		}
	}
	modes := map[string]fs.FileMode{"": 0o755, "..data/.": 0o755, "dir/.": 0o755, "dir/sub": 0o755, "a": 0o644, "../../pod": 0o750}
	for name, mode := range modes {
		info, err := os.Stat(filepath.Join(target, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%q has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
	if info, _ := os.Lstat(filepath.Join(target, data, "dir")); !info.IsDir() {
		t.Error("a nested directory is not a real one")
	}
	same(t, "reserved names", []string{data, "..data"}, slices.Sorted(slices.Values(reserved(t, target))))
}

func TestNames(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	for _, path := range []string{target, filepath.Join(target, "missing")} {
		names, err := m.Names(path)
		if err != nil || len(names) != 0 {
			t.Errorf("names of nothing: %v, %v", names, err)
		}
	}
	write(t, m, target, content{"a": "1", "d/b": "2", ".c": "3"}.files())
	plant(t, target, map[string]string{"own/file": "1", "trap": "-> /etc", "..mine": "x"})
	names, err := m.Names(target)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "names", []string{".c", "a", "d/b", "own/file"}, names)
}

func TestStats(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	write(t, m, target, content{"a": "12345", "b": "678"}.files())
	stats, err := m.Stats(target)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Bytes.Used != 8 {
		t.Errorf("%d bytes used, want 8", stats.Bytes.Used)
	}
	if stats.Inodes.Used != 7 { // target, ..data, its directory, two links, two files
		t.Errorf("%d inodes used, want 7", stats.Inodes.Used)
	}
	_, err = m.Stats(filepath.Join(target, "missing"))
	wantKind(t, err, fault.NotFound)
	_, err = m.Stats("no/such/volume")
	wantKind(t, err, fault.NotFound)
}
