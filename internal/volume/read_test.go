package volume_test

import (
	"os"
	"path/filepath"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// contents makes Read's answer comparable, and checks its order.
func contents(t *testing.T, files []secret.File) content {
	t.Helper()
	c, before := content{}, ""
	for _, f := range files {
		if f.Path <= before {
			t.Errorf("%q comes after %q", f.Path, before)
		}
		c[f.Path], before = string(f.Contents.Reveal()), f.Path
	}
	return c
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	t.Parallel()
	m := plain()
	target := prepared(t, m)
	want := content{"a": "1", "d/b": "2", "d/e/c": "", "z": "4"}
	write(t, m, target, want.files())
	files, err := m.Read(target)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "read", want, contents(t, files))
	if _, err := m.Write(target, files, nil); err != nil {
		t.Fatal(err)
	}
	modes := []secret.File{{Path: "a", Mode: 0o640}, {Path: "b", Mode: 0o600}}
	write(t, m, target, modes)
	files, err = m.Read(target)
	if err != nil || len(files) != 2 || files[0].Mode != 0o640 || files[1].Mode != 0o600 {
		t.Errorf("modes: %v, %v", files, err)
	}
}

// What is read is what the pod could read, and nothing that lies outside or behind.
func TestReadSeesWhatThePodSees(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("not the volume's"), 0o600); err != nil {
		t.Fatal(err)
	}
	const data, old = "..2024_01_02_03_04_05.1", "..2024_01_02_03_04_04.1"
	for name, c := range map[string]struct {
		left map[string]string
		want content
	}{
		"nothing":               {nil, content{}},
		"written by a provider": {map[string]string{"a": "1", "d/b": "2"}, content{"a": "1", "d/b": "2"}},
		"upstream's set": {map[string]string{
			data + "/a": "1", data + "/d/b": "2", "..data": "-> " + data, "a": "-> ..data/a", "d": "-> ..data/d", "..data_tmp": "-> " + old,
		}, content{"a": "1", "d/b": "2"}},
		"an older set": {map[string]string{old + "/a": "1", data + "/a": "2", "..data": "-> " + data, "a": "-> ..data/a"}, content{"a": "2"}},
		"a name without a link": {map[string]string{
			data + "/a": "1", data + "/b": "2", "..data": "-> " + data, "a": "-> ..data/a",
		}, content{"a": "1"}},
		"links out of it": {map[string]string{
			"a": "-> " + outside, "d": "-> " + filepath.Dir(outside), data + "/b": "-> " + outside, "..data": "-> " + data, "b": "-> ..data/b",
		}, content{}},
		"a set that lies elsewhere": {map[string]string{"..data": "-> " + filepath.Dir(outside), "outside": "-> ..data/outside"}, content{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			target := prepared(t, m)
			plant(t, target, c.left)
			files, err := m.Read(target)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "read", c.want, contents(t, files))
		})
	}
}

func TestReadOfNothing(t *testing.T) {
	t.Parallel()
	m := plain()
	_, err := m.Read(filepath.Join(t.TempDir(), "none"))
	wantKind(t, err, fault.NotFound)
	_, err = m.Read("relative")
	wantKind(t, err, fault.Invalid)
}

// The driver this one replaces leaves its mounts behind: a directory of mode 1777 with its own layout in it, perhaps
// with the link of a swap that was never finished, over which it never got again.
func TestAReplacedDriversVolumeIsAdoptedRotatedAndRemoved(t *testing.T) {
	t.Parallel()
	const old = "..2026_05_06_07_08_09.3141592653"
	for name, more := range map[string]map[string]string{
		"as it should be":   {},
		"killed in a swap":  {"..data_tmp": "-> ..2026_05_06_07_08_10.271828"},
		"killed in a write": {"..2026_05_06_07_08_10.271828/a": "ha"},
		"killed before the old set went": {
			"..2026_05_06_07_08_08.1618/a": "before", "..2026_05_06_07_08_08.1618/gone": "before", "gone": "-> ..data/gone",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := plain()
			target := prepared(t, m)
			if err := os.Chmod(target, 0o777|os.ModeSticky); err != nil {
				t.Fatal(err)
			}
			left := map[string]string{
				old + "/a": "1", old + "/d/0": "2", old + "/d/1": "3",
				"..data": "-> " + old, "a": "-> ..data/a", "d": "-> ..data/d",
			}
			for name, text := range more {
				left[name] = text
			}
			plant(t, target, left)

			state, err := m.Ensure(target)
			if err != nil || !state.Complete || !state.Mounted {
				t.Fatalf("not adopted: %+v, %v", state, err)
			}
			files, err := m.Read(target)
			if err != nil {
				t.Fatal(err)
			}
			have := content{"a": "1", "d/0": "2", "d/1": "3"}
			same(t, "read", have, contents(t, files))
			same(t, "untouched", old, link(t, target, "..data"))
			write(t, m, target, have.files())
			same(t, "rewritten without need", old, link(t, target, "..data"))

			write(t, m, target, content{"a": "rotated", "d/0": "2"}.files())
			same(t, "rotated", content{"a": "rotated", "d/0": "2"}, visible(t, target))
			if left := reserved(t, target); len(left) != 2 {
				t.Errorf("left over: %v", left)
			}
			if err := m.Remove(target); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(target); !os.IsNotExist(err) {
				t.Errorf("not removed: %v", err)
			}
		})
	}
}

func link(t *testing.T, target, name string) string {
	t.Helper()
	to, err := os.Readlink(filepath.Join(target, name))
	if err != nil {
		t.Fatal(err)
	}
	return to
}
