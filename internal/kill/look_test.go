//go:build linux

package kill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// shapes are the sets of names a volume's class may ask for. All files of a volume have one value.
var shapes = [][]string{
	{"a", "b", "c/d"},
	{"a", "c/e", "c/f/g"},
	{"b", "h", "i", "c/d"},
}

// value is the secret's n-th. It says its number, and is long enough now and then to be written in part.
func value(n int) string {
	length := n * 37 % 700
	if n%23 == 0 {
		length += 12 << 10
	}
	return strconv.Itoa(n) + " " + strings.Repeat(string(rune('a'+n%26)), length)
}

// numberOf is the number in a value, and whether it is that value to its end.
func numberOf(text string) (int, bool) {
	head, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(head)
	return n, err == nil && text == value(n)
}

// sight is what a pod sees in its volume.
type sight struct {
	exists bool
	files  map[string]string
	hidden []string // names that begin with "..", which belong to the layout
	dead   int      // links that lead nowhere
}

// look reads a target as a pod does.
func look(target string) (sight, error) {
	s := sight{files: map[string]string{}}
	entries, err := os.ReadDir(target)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.exists = true
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "..") {
			s.hidden = append(s.hidden, e.Name())
			continue
		}
		if err := s.gather(target, e.Name()); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *sight) gather(target, name string) error {
	path := filepath.Join(target, name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.dead++
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		text, err := os.ReadFile(path)
		s.files[name] = string(text)
		return err
	}
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		err = errors.Join(err, s.gather(target, name+"/"+e.Name()))
	}
	return err
}

// version is the number of the one set that is visible. An error says why it is not one.
func (s sight) version() (int, error) {
	names, numbers := []string{}, map[int]bool{}
	for name, text := range s.files {
		n, whole := numberOf(text)
		if !whole {
			return 0, fmt.Errorf("%s holds a part of a value: %.40q (%d bytes)", name, text, len(text))
		}
		names, numbers[n] = append(names, name), true
	}
	slices.Sort(names)
	if len(numbers) > 1 {
		return 0, fmt.Errorf("two versions at once: %s", s)
	}
	if !slices.ContainsFunc(shapes, func(shape []string) bool { return slices.Equal(slices.Sorted(slices.Values(shape)), names) }) {
		return 0, fmt.Errorf("a set that nobody asked for: %s", s)
	}
	for n := range numbers {
		return n, nil
	}
	return 0, errors.New("nothing is visible")
}

// halfMade says that something is there which no finished call leaves.
func (s sight) halfMade() bool {
	return s.dead > 0 || s.exists && (len(s.files) == 0 || len(s.hidden) != 2)
}

func (s sight) String() string {
	parts := []string{fmt.Sprintf("exists %v, hidden %v, %d dead links", s.exists, s.hidden, s.dead)}
	for name, text := range s.files {
		parts = append(parts, fmt.Sprintf("%s=%.8q", name, text))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// tree lists everything below a directory.
func tree(dir string) ([]string, error) {
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all = append(all, strings.TrimPrefix(path, dir))
		return nil
	})
	return all, err
}
