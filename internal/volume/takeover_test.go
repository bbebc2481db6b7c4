package volume_test

import (
	"os"
	"path/filepath"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// plant makes files, directories (empty text and a trailing slash) and links ("-> dest") under target.
func plant(t *testing.T, target string, things map[string]string) {
	t.Helper()
	for name, text := range things {
		path := filepath.Join(target, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case name[len(name)-1] == '/':
			err = os.MkdirAll(path, 0o755)
		case len(text) > 3 && text[:3] == "-> ":
			err = os.Symlink(text[3:], path)
		default:
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever a killed writer, another version of this program or upstream left: the next write gets through, the set is
// the wanted one, and nothing of the layout is left over.
func TestWriteTakesOver(t *testing.T) {
	t.Parallel()
	const old, half = "..2024_01_02_03_04_05.123456", "..2024_01_02_03_04_06.abc"
	upstream := map[string]string{
		old + "/a": "1", old + "/d/b": "2",
		"..data": "-> " + old, "a": "-> ..data/a", "d": "-> ..data/d",
	}
	want := content{"a": "1", "d/b": "2"}
	cases := map[string]struct {
		left    map[string]string
		changed bool
	}{
		"nothing":                     {nil, true},
		"upstream's finished set":     {upstream, false},
		"a pending link":              {with(upstream, "..data_tmp", "-> "+half), false},
		"a half-made directory":       {with(upstream, half+"/a", "x"), false},
		"a displaced directory":       {with(upstream, "..old_tmp/a", "x"), false},
		"only a half-made directory":  {map[string]string{half + "/a": "1"}, true},
		"links of a first write":      {map[string]string{"a": "-> ..data/a", "z": "-> ..data/z"}, true},
		"killed before a new link":    {without(upstream, "a"), true},
		"killed before a stale link":  {with(upstream, "z", "-> ..data/z"), true},
		"killed before the old set":   {with(upstream, half+"/z", "1"), false},
		"..data leads nowhere":        {map[string]string{"..data": "-> " + old}, true},
		"..data leads outside":        {map[string]string{"..data": "-> /etc", "a": "-> ..data/a"}, true},
		"..data is a directory":       {map[string]string{"..data/a": "1", "a": "-> ..data/a"}, true},
		"..data is a file":            {map[string]string{"..data": "1"}, true},
		"real files":                  {map[string]string{"a": "old", "d/b": "old", "d/c": "old"}, true},
		"a real directory for a file": {map[string]string{"a/x": "old"}, true},
		"a link elsewhere":            {map[string]string{"a": "-> /etc/hostname", "d": "-> /etc"}, true},
		"real file over finished set": {with(without(upstream, "a"), "a", "old"), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			target := prepared(t, m)
			plant(t, target, c.left)
			change := write(t, m, target, want.files())
			same(t, "changed", c.changed, change.Changed)
			same(t, "visible", want, visible(t, target))
			if left := reserved(t, target); len(left) != 2 {
				t.Errorf("left over: %v", left)
			}
			state, err := m.Inspect(target)
			if err != nil || !state.Complete {
				t.Errorf("state %+v, %v", state, err)
			}
			if err := m.Remove(target); err != nil {
				t.Error(err)
			}
		})
	}
}

func with(base map[string]string, name, text string) map[string]string {
	m := map[string]string{name: text}
	for k, v := range base {
		if k != name {
			m[k] = v
		}
	}
	return m
}

func without(base map[string]string, name string) map[string]string {
	m := with(base, name, "")
	delete(m, name)
	return m
}

// What is not complete must not be taken for it.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	const data = "..2024_01_02_03_04_05.1"
	cases := map[string]map[string]string{
		"empty":                {},
		"real files":           {"a": "1"},
		"no link":              {data + "/a": "1", "a": "-> ..data/a"},
		"dangling":             {"..data": "-> " + data, "a": "-> ..data/a"},
		"climbing":             {"..data": "-> ../" + data},
		"absolute":             {"..data": "-> /tmp"},
		"a file":               {"..data": "-> " + data, data: "1"},
		"a missing name":       {"..data": "-> " + data, data + "/a": "1", data + "/b": "2", "a": "-> ..data/a"},
		"a name that is a lie": {"..data": "-> " + data, data + "/a": "1", "a": "-> /etc/hostname"},
	}
	for name, left := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			target := prepared(t, m)
			plant(t, target, left)
			state, err := m.Inspect(target)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "state", volume.State{Exists: true, Backing: volume.BackingPlain}, state)
		})
	}
}

// Files that nobody asked to replace stay, and nothing is removed for a set that is refused.
func TestForeignFilesStay(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	plant(t, target, map[string]string{"mine": "1", "a": "old", "..mine": "2", "link": "-> mine"})
	_, err := m.Write(target, []secret.File{{Path: "a"}, {Path: "../b"}}, nil)
	wantKind(t, err, fault.Invalid)
	same(t, "after a refusal", content{"mine": "1", "a": "old", "link": "1"}, visible(t, target))

	write(t, m, target, content{"a": "new"}.files())
	same(t, "after a write", content{"mine": "1", "a": "new", "link": "1"}, visible(t, target))
	if text, err := os.ReadFile(filepath.Join(target, "..mine")); err != nil || string(text) != "2" {
		t.Errorf("..mine: %q, %v", text, err)
	}
}
