package volume_test

import (
	"io/fs"
	"strings"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	cases := map[string]struct {
		paths []string
		want  string
	}{
		"empty":              {[]string{""}, "invalid path: must not be empty"},
		"absolute":           {[]string{"/etc/passwd"}, "invalid path: must be relative"},
		"NUL":                {[]string{"a\x00b"}, "invalid path: "},
		"too long":           {[]string{strings.Repeat("x/", 2049)}, "invalid path: must not be longer"},
		"long name":          {[]string{"a/" + long}, "invalid path: no name in it"},
		"climbs":             {[]string{"../a"}, "invalid path: must not contain '..'"},
		"climbs later":       {[]string{"a/../b"}, "invalid path: must not contain '..'"},
		"is the parent":      {[]string{".."}, "invalid path: must not contain '..'"},
		"climbs at the end":  {[]string{"a/.."}, "invalid path: must not contain '..'"},
		"reserved":           {[]string{"..data"}, "invalid path: must not start with '..'"},
		"reserved directory": {[]string{"..data/a"}, "invalid path: must not start with '..'"},
		"three dots":         {[]string{"..."}, "invalid path: must not start with '..'"},
		"not clean":          {[]string{"a//b"}, `invalid filepath: "a//b"`},
		"dot element":        {[]string{"./a"}, `invalid filepath: "./a"`},
		"trailing slash":     {[]string{"a/"}, `invalid filepath: "a/"`},
		"dot":                {[]string{"."}, `invalid filepath: "."`},
		"twice":              {[]string{"a", "b", "a"}, "two files have this path"},
		"file and directory": {[]string{"a", "a/b"}, "both a file and the directory"},
		"and deeper":         {[]string{"a/b/c/d", "a/b"}, "both a file and the directory"},
		"every problem":      {[]string{"../a", "ok", "/b"}, `file "/b": invalid path`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			target := prepared(t, m)
			write(t, m, target, content{"old": "1"}.files())
			before := traces(t, target)

			var files []secret.File
			for _, p := range c.paths {
				files = append(files, secret.File{Path: p, Mode: 0o644})
			}
			_, err := m.Write(target, files, nil)
			wantKind(t, err, fault.Invalid)
			if err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q lacks %q", err, c.want)
			}
			same(t, "visible", content{"old": "1"}, visible(t, target))
			same(t, "entries", len(before), len(traces(t, target)))
		})
	}
}

func TestWriteRefusesModesAndGroups(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	for _, mode := range []fs.FileMode{fs.ModeSetuid | 0o755, fs.ModeDir | 0o755, fs.ModeSymlink} {
		_, err := m.Write(target, []secret.File{{Path: "a", Mode: mode}}, nil)
		wantKind(t, err, fault.Invalid)
	}
	negative := -1
	_, err := m.Write(target, nil, &negative)
	wantKind(t, err, fault.Invalid)
}
