package volume_test

import (
	"os"
	"path/filepath"
	"testing"

	"strongroom/internal/fault"
)

// precious is a directory with a file that no operation on another directory may touch.
func precious(t *testing.T) (path string, check func()) {
	t.Helper()
	path = t.TempDir()
	plant(t, path, map[string]string{"keep": "1"})
	return path, func() {
		t.Helper()
		same(t, "what stands outside", content{"keep": "1"}, visible(t, path))
	}
}

// A link at the target is somebody's trap: it is not written through, and Remove takes the link only.
func TestTargetIsALink(t *testing.T) {
	t.Parallel()
	m := plain()
	outside, check := precious(t)
	target := filepath.Join(t.TempDir(), "mount")
	if err := os.Symlink(outside, target); err != nil {
		t.Fatal(err)
	}
	_, err := m.Ensure(target)
	wantKind(t, err, fault.Invalid)
	_, err = m.Inspect(target)
	wantKind(t, err, fault.Invalid)
	_, err = m.Write(target, content{"a": "1"}.files(), nil)
	wantKind(t, err, fault.Invalid)
	if err := m.Remove(target); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("the link is still there")
	}
	check()
}

func TestTargetIsAFile(t *testing.T) {
	t.Parallel()
	m := plain()
	target := filepath.Join(t.TempDir(), "mount")
	plant(t, filepath.Dir(target), map[string]string{"mount": "1"})
	_, err := m.Ensure(target)
	wantKind(t, err, fault.Invalid)
	if err := m.Remove(target); err != nil {
		t.Error(err)
	}
}

// Links planted inside the target redirect neither a write nor a removal.
func TestLinksInsideTheTarget(t *testing.T) {
	t.Parallel()
	const data = "..2024_01_02_03_04_05.1"
	cases := map[string]func(outside string) map[string]string{
		"the data link":      func(o string) map[string]string { return map[string]string{"..data": "-> " + o} },
		"the data directory": func(o string) map[string]string { return map[string]string{"..data": "-> " + data, data: "-> " + o} },
		"the pending link":   func(o string) map[string]string { return map[string]string{"..data_tmp": "-> " + o} },
		"the displaced":      func(o string) map[string]string { return map[string]string{"..old_tmp": "-> " + o, "d/x": "1"} },
		"a visible name": func(o string) map[string]string {
			return map[string]string{"d": "-> " + o, "keep": "-> " + o + "/keep"}
		},
		"a nested directory": func(o string) map[string]string {
			return map[string]string{"..data": "-> " + data, data + "/d": "-> " + o, "d": "-> ..data/d"}
		},
		"a nested file": func(o string) map[string]string {
			return map[string]string{"..data": "-> " + data, data + "/keep": "-> " + o + "/keep", "keep": "-> ..data/keep"}
		},
	}
	for name, links := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			outside, check := precious(t)
			target := prepared(t, m)
			plant(t, target, links(outside))
			want := content{"d/keep": "new", "keep": "new"}
			write(t, m, target, want.files())
			same(t, "visible", want, visible(t, target))
			check()

			plant(t, target, map[string]string{"trap": "-> " + outside})
			if err := m.Remove(target); err != nil {
				t.Error(err)
			}
			check()
		})
	}
}
