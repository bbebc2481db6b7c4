package volume

import (
	"os"
	"path/filepath"
	"testing"

	"strongroom/internal/secret"
)

func begun(t *testing.T, files ...string) (*Manager, *dir) {
	t.Helper()
	m, target := New(Config{Mount: Plain}), filepath.Join(t.TempDir(), "mount")
	if _, err := m.Ensure(target); err != nil {
		t.Fatal(err)
	}
	put(t, m, target, files...)
	d, err := m.open(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return m, d
}

func put(t *testing.T, m *Manager, target string, files ...string) {
	t.Helper()
	var set []secret.File
	for _, path := range files {
		set = append(set, secret.File{Path: path, Mode: 0o644, Contents: secret.NewValue([]byte(path))})
	}
	if _, err := m.Write(target, set, nil); err != nil {
		t.Fatal(err)
	}
}

// A link to a directory that was made for a file leads nowhere on Windows.
func TestLinksAreMadeForWhatStandsAtTheirEnd(t *testing.T) {
	t.Parallel()
	m, d := begun(t, "plain", "history/0")
	kinds := func(when string, want map[string]bool) {
		t.Helper()
		for name, directory := range want {
			info, err := d.root.Lstat(name)
			if err != nil || forDirectory(info) != directory {
				t.Errorf("%s: link %s, %v, want one for a directory: %v", when, name, err, directory)
			}
		}
	}
	kinds("at first", map[string]bool{dataLink: true, "plain": false, "history": true})
	put(t, m, d.target, "plain/0", "history", "new/0")
	kinds("once they have changed places", map[string]bool{dataLink: true, "plain": true, "history": false, "new": true})
	if text, err := os.ReadFile(filepath.Join(d.target, "plain", "0")); err != nil || string(text) != "plain/0" {
		t.Errorf("%q, %v", text, err)
	}
}

// A writer that was killed between the two steps of a replacement leaves its set without its link.
func TestAReplacementThatWasCutOffIsEnded(t *testing.T) {
	t.Parallel()
	m, d := begun(t, "a")
	data, err := d.current()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.root.Symlink(data, pending); err != nil {
		t.Fatal(err)
	}
	if err := d.root.Remove(dataLink); err != nil {
		t.Fatal(err)
	}
	change, err := m.Write(d.target, []secret.File{{Path: "a", Mode: 0o644, Contents: secret.NewValue([]byte("a"))}}, nil)
	if now, unknown := d.current(); err != nil || unknown != nil || change.Changed || now != data {
		t.Errorf("%+v, %v, ..data is %q, %v, want %q as it was", change, err, now, unknown, data)
	}
}
