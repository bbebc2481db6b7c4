package volume

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Paths that are taken stay below the target, never meet the layout's own names, and can stand beside each other.
func FuzzNewSet(f *testing.F) {
	f.Add("a", "a/b", uint32(0o644), 0)
	f.Add("..data/x", "../x", uint32(0o777), 1)
	f.Add("a//b", "/a", uint32(0o4755), -1)
	f.Add("a/./b", "a\x00", uint32(1<<31), 1<<30)
	f.Add(".", "a/..b/c", uint32(0), 0)
	f.Add("...", strings.Repeat("x", 256), uint32(0), 0)
	f.Fuzz(func(t *testing.T, one, two string, mode uint32, group int) {
		s, err := newSet([]secret.File{{Path: one, Mode: fs.FileMode(mode)}, {Path: two, Mode: 0o600}}, &group)
		if err != nil {
			if said := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(said, "\n") || len(said) > 4096 {
				t.Fatalf("%v %q", fault.KindOf(err), said)
			}
			return
		}
		dirs := map[string]bool{}
		for _, d := range s.dirs {
			if d != "." && !dirs[filepath.Dir(d)] {
				t.Errorf("%q comes before its parent", d)
			}
			dirs[d] = true
		}
		for _, file := range s.files {
			p := file.Path
			at := filepath.Join("/target", p)
			if !filepath.IsLocal(p) || at != "/target/"+p || strings.HasPrefix(p, "..") || len(p) > maxPath || dirs[p] || !dirs[filepath.Dir(p)] || file.Mode&^fs.ModePerm != 0 {
				t.Errorf("%q with %v", p, file.Mode)
			}
		}
		if len(s.files) != 2 || group < 0 || s.files[0].Path >= s.files[1].Path {
			t.Errorf("%+v", s)
		}
	})
}

// Only what this layout makes is taken for a data directory: everything else at a target is left alone.
func FuzzStamped(f *testing.F) {
	for _, name := range []string{"..2026_01_02_15_04_05.123", "..data", "..2026_01_02_15_04_05.", "..2026_01_02_15_04_05.a/b", "2026_01_02_15_04_05.1"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if isStamped(name) && (!strings.HasPrefix(name, "..") || len(name) < len("..2026_01_02_15_04_05.1") || strings.ContainsAny(name, `/\`)) {
			t.Errorf("%q", name)
		}
	})
}
