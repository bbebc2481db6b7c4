package volume

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// The limits of a path, in bytes: what Linux takes in one call and in one name.
const (
	maxPath = 4096
	maxName = 255
)

// set is a validated whole: what the target is to hold.
type set struct {
	files []secret.File // sorted by path
	dirs  []string      // every directory of files, "." first, parents before children
	top   []string      // first path elements, sorted
	group *int
}

// newSet checks every file, since a third party's provider is behind some of them, and tells the problems at once.
func newSet(files []secret.File, group *int) (set, error) { return newSetOf(ownNames, files, group) }

func newSetOf(system naming, files []secret.File, group *int) (set, error) {
	var wrong fault.List
	s := set{files: slices.Clone(files), group: group}
	slices.SortFunc(s.files, func(a, b secret.File) int { return strings.Compare(a.Path, b.Path) })

	names, dirs, top := map[string]bool{}, map[string]bool{".": true}, map[string]bool{}
	spelled := map[string]string{} // each file and directory as it is spelled, by what the system takes it for
	for _, f := range s.files {
		problem := checkFile(f)
		if problem == "" {
			problem = system.problem(f.Path)
		}
		if problem == "" && names[f.Path] {
			problem = "two files have this path"
		}
		if problem == "" {
			problem = system.collides(spelled, f.Path)
		}
		if problem != "" {
			wrong = append(wrong, invalid(f.Path, problem))
			continue
		}
		names[f.Path] = true
		first, _, _ := strings.Cut(f.Path, "/")
		top[first] = true
		for d := path.Dir(f.Path); !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	for d := range dirs {
		if names[d] {
			wrong = append(wrong, invalid(d, "is both a file and the directory of another file"))
		}
	}
	if group != nil && *group < 0 {
		wrong = append(wrong, fault.New(fault.Invalid, "volume group", "%d is not a group id", *group))
	}
	delete(dirs, ".") // "-", "+" and others sort before it
	s.dirs, s.top = append([]string{"."}, sorted(dirs)...), sorted(top)
	return s, told(wrong).AsError()
}

// mostTold is how many problems of one set are told: a hostile answer has room for a hundred thousand.
const mostTold = 20

func told(wrong fault.List) fault.List {
	if more := len(wrong) - mostTold; more > 0 {
		rest := fault.New(fault.Invalid, "", "%d more problems are not listed", more)
		return append(wrong[:mostTold:mostTold], rest)
	}
	return wrong
}

// checkFile says what is wrong with one file; empty is nothing. The order and the texts up to the colon are the Secrets
// Store CSI Driver's, which people search for.
func checkFile(f secret.File) string {
	elements := strings.Split(f.Path, "/")
	switch {
	case f.Path == "":
		return "invalid path: must not be empty"
	case strings.HasPrefix(f.Path, "/") || strings.ContainsRune(f.Path, 0):
		return "invalid path: must be relative and without NUL"
	case len(f.Path) > maxPath:
		return fmt.Sprintf("invalid path: must not be longer than %d bytes", maxPath)
	case slices.Contains(elements, ".."):
		return "invalid path: must not contain '..'"
	case slices.ContainsFunc(elements, func(e string) bool { return len(e) > maxName }):
		return fmt.Sprintf("invalid path: no name in it may be longer than %d bytes", maxName)
	case strings.HasPrefix(elements[0], ".."):
		return "invalid path: must not start with '..'"
	case f.Path == "." || path.Clean(f.Path) != f.Path:
		return fmt.Sprintf("invalid filepath: %q", cut(f.Path))
	case f.Mode&^fs.ModePerm != 0:
		return fmt.Sprintf("mode %v has more than permission bits", f.Mode)
	}
	return ""
}

func invalid(path, problem string) *fault.Error {
	return fault.New(fault.Invalid, fmt.Sprintf("file %q", cut(path)), "%s", problem)
}

// cut keeps as much of a path as a message has room for.
func cut(path string) string {
	if len(path) > maxName {
		return path[:maxName] + "..."
	}
	return path
}

// sorted lists a map's keys; nil when it has none.
func sorted(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
