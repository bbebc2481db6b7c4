package volume_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// Each case is a chain of sets; the change named is that of the last step.
func TestWriteSequences(t *testing.T) {
	t.Parallel()
	two := content{"a": "1", "b": "2"}
	cases := map[string]struct {
		sets []content
		want volume.Change
	}{
		"first, empty":          {[]content{{}}, volume.Change{Changed: true}},
		"first, one":            {[]content{{"a": "1"}}, volume.Change{Changed: true, Added: []string{"a"}}},
		"first, dot file":       {[]content{{".a": "1"}}, volume.Change{Changed: true, Added: []string{".a"}}},
		"first, dot dir":        {[]content{{".a/..b": "1"}}, volume.Change{Changed: true, Added: []string{".a/..b"}}},
		"first, deep":           {[]content{{"a/b/c": "1", "a/b/d": "", "a/e": "3"}}, volume.Change{Changed: true, Added: []string{"a/b/c", "a/b/d", "a/e"}}},
		"no change":             {[]content{two, two}, volume.Change{}},
		"no change, deep":       {[]content{{"a/b": "1"}, {"a/b": "1"}}, volume.Change{}},
		"no change, empty":      {[]content{{}, {}}, volume.Change{}},
		"update":                {[]content{two, {"a": "1", "b": "3"}}, volume.Change{Changed: true, Updated: []string{"b"}}},
		"update, same length":   {[]content{{"a": "xy"}, {"a": "xz"}}, volume.Change{Changed: true, Updated: []string{"a"}}},
		"add":                   {[]content{two, {"a": "1", "b": "2", "c": "3"}}, volume.Change{Changed: true, Added: []string{"c"}}},
		"add in directory":      {[]content{{"d/a": "1"}, {"d/a": "1", "d/b": "2"}}, volume.Change{Changed: true, Added: []string{"d/b"}}},
		"remove":                {[]content{two, {"a": "1"}}, volume.Change{Changed: true, Removed: []string{"b"}}},
		"remove in directory":   {[]content{{"d/a": "1", "d/b": "2"}, {"d/a": "1"}}, volume.Change{Changed: true, Removed: []string{"d/b"}}},
		"remove directory":      {[]content{{"d/a": "1", "b": "2"}, {"b": "2"}}, volume.Change{Changed: true, Removed: []string{"d/a"}}},
		"remove all":            {[]content{two, {}}, volume.Change{Changed: true, Removed: []string{"a", "b"}}},
		"add, update, remove":   {[]content{two, {"b": "3", "c": "4"}}, volume.Change{Changed: true, Added: []string{"c"}, Updated: []string{"b"}, Removed: []string{"a"}}},
		"file becomes dir":      {[]content{{"a": "1"}, {"a/b": "1"}}, volume.Change{Changed: true, Added: []string{"a/b"}, Removed: []string{"a"}}},
		"dir becomes file":      {[]content{{"a/b": "1"}, {"a": "1"}}, volume.Change{Changed: true, Added: []string{"a"}, Removed: []string{"a/b"}}},
		"there and back":        {[]content{two, {"c": "1"}, two}, volume.Change{Changed: true, Added: []string{"a", "b"}, Removed: []string{"c"}}},
		"back to no change":     {[]content{two, {"c": "1"}, {"c": "1"}}, volume.Change{}},
		"binary":                {[]content{{"a": "\x00\xff\r\n"}}, volume.Change{Changed: true, Added: []string{"a"}}},
		"names that are legal":  {[]content{{"a b\n": "1", "ä": "2", "-": "3"}}, volume.Change{Changed: true, Added: []string{"-", "a b\n", "ä"}}},
		"name like our own dir": {[]content{{"x/..data": "1"}}, volume.Change{Changed: true, Added: []string{"x/..data"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			target := prepared(t, m)
			var change volume.Change
			for _, set := range c.sets {
				change = write(t, m, target, set.files())
				same(t, "visible", set, visible(t, target))
			}
			same(t, "change", c.want, change)
			if left := reserved(t, target); len(left) != 2 {
				t.Errorf("left over: %v", left)
			}
			entries, err := os.ReadDir(target)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if _, err := os.Stat(filepath.Join(target, e.Name())); err != nil {
					t.Errorf("a link leads nowhere: %v", err)
				}
			}
		})
	}
}

// Without a change not even a timestamp moves: watchers of the files stay asleep.
func TestNoChangeTouchesNothing(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	set := content{"a": "1", "d/b": "2"}
	write(t, m, target, set.files())
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(target, long, long); err != nil {
		t.Fatal(err)
	}
	before := traces(t, target)
	for range 3 {
		if change := write(t, plain(), target, set.files()); change.Changed {
			t.Errorf("changed: %+v", change)
		}
	}
	after := traces(t, target)
	for name, info := range before {
		if after[name] == nil || !os.SameFile(info, after[name]) || !info.ModTime().Equal(after[name].ModTime()) {
			t.Errorf("%s was touched", name)
		}
	}
	same(t, "number of entries", len(before), len(after))
}

func traces(t *testing.T, target string) map[string]fs.FileInfo {
	t.Helper()
	infos := map[string]fs.FileInfo{}
	err := filepath.WalkDir(target, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		infos[path], err = e.Info()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

func TestModes(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	file := secret.File{Path: "a", Contents: secret.NewValue([]byte("1"))}
	for _, mode := range []fs.FileMode{0o644, 0o400, 0o777, 0, 0o600} {
		file.Mode = mode
		if change := write(t, m, target, []secret.File{file}); !change.Changed {
			t.Errorf("a change to mode %v alone was not applied", mode)
		}
		info, err := os.Stat(filepath.Join(target, "a"))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "mode", mode, info.Mode())
	}
}

// Of two changes at once one is refused, and the other is whole.
func TestOverlapIsBusy(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	big := make([]byte, 1<<16)
	sets := [2][]secret.File{}
	for i := range sets {
		for _, path := range []string{"a", "b", "c"} {
			body := append([]byte{byte('0' + i)}, big...)
			sets[i] = append(sets[i], secret.File{Path: path, Mode: 0o600, Contents: secret.NewValue(body)})
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for i := range 16 {
		wg.Go(func() {
			manager := m
			if i%4 == 0 {
				manager = plain() // another process, as far as locks go
			}
			_, err := manager.Write(target, sets[i%2], nil)
			if err != nil && fault.KindOf(err) != fault.Busy {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				done++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if done == 0 {
		t.Error("every write was refused")
	}
	seen := visible(t, target)
	if len(seen) != 3 || seen["a"] != seen["b"] || seen["b"] != seen["c"] {
		t.Error("the set is mixed")
	}
	if left := reserved(t, target); len(left) != 2 {
		t.Errorf("left over: %v", left)
	}
}

func TestWriteNeedsATarget(t *testing.T) {
	t.Parallel()
	m := plain()
	_, err := m.Write(filepath.Join(t.TempDir(), "missing"), nil, nil)
	wantKind(t, err, fault.Internal)
	for _, target := range []string{"", "relative", "/", "/.", "/x/.."} {
		_, err := m.Write(target, nil, nil)
		wantKind(t, err, fault.Invalid)
		wantKind(t, m.Remove(target), fault.Invalid)
	}
}
