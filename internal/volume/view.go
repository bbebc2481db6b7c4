package volume

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"strongroom/internal/secret"
)

// dirMode lets every user of a pod reach the files; the files' own modes decide who reads them.
const dirMode fs.FileMode = 0o755

// view is what a target holds.
type view struct {
	data   string                 // the directory of the visible set; empty when there is none
	files  map[string]fs.FileInfo // everything in data that is no directory, by path
	dirs   map[string]fs.FileInfo // "." among them
	hidden []string               // first path elements that lack their link
}

// finished says that a whole set is visible.
func (v view) finished() bool { return v.data != "" && len(v.hidden) == 0 }

// look reads the visible set. When a swap happens meanwhile it looks again.
func (d *dir) look() (view, error) {
	for {
		v, err := d.lookOnce()
		now, unknown := d.current()
		if unknown != nil {
			return v, unknown
		}
		if now == v.data {
			return v, err
		}
	}
}

func (d *dir) lookOnce() (view, error) {
	data, err := d.current()
	v := view{data: data, files: map[string]fs.FileInfo{}, dirs: map[string]fs.FileInfo{}}
	if data == "" {
		return v, err
	}
	top := map[string]bool{}
	err = fs.WalkDir(d.root.FS(), v.data, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name := "."
		if p != v.data {
			name = strings.TrimPrefix(p, v.data+"/")
		}
		if e.IsDir() {
			v.dirs[name] = info // without a file in it, it is nobody's content, and needs no link
			return nil
		}
		v.files[name] = info
		first, _, _ := strings.Cut(name, "/")
		top[first] = true
		return nil
	})
	if err != nil {
		return v, err
	}
	missing, crooked, err := d.unlinked(sorted(top))
	v.hidden = slices.Concat(missing, crooked)
	return v, err
}

// compare says what has to happen to v to become s.
func (d *dir) compare(v view, s set) Change {
	var c Change
	wanted := map[string]bool{}
	for _, f := range s.files {
		wanted[f.Path] = true
		info, there := v.files[f.Path]
		switch {
		case !there:
			c.Added = append(c.Added, f.Path)
		case !d.holds(v, info, f, s.group):
			c.Updated = append(c.Updated, f.Path)
		}
	}
	gone := map[string]bool{}
	for name := range v.files {
		if !wanted[name] {
			gone[name] = true
		}
	}
	c.Removed = sorted(gone)
	c.Changed = v.data == "" || len(c.Added)+len(c.Updated)+len(c.Removed) > 0 || !sameDirs(v, s)
	return c
}

// holds says whether the file is there already, to the bit. Without a group the system's choice is not compared. A file
// that cannot be read back (mode 0 without privilege) is taken to differ: writing once too often is safe.
func (d *dir) holds(v view, info fs.FileInfo, f secret.File, group *int) bool {
	if !sameMode(info.Mode(), f.Mode) || !inGroup(info, group) || info.Size() != int64(f.Contents.Len()) {
		return false // a link or device is never equal, since f.Mode has no type bits
	}
	content, err := d.root.ReadFile(v.data + "/" + f.Path)
	return err == nil && bytes.Equal(content, f.Contents.Reveal())
}

func sameDirs(v view, s set) bool {
	if len(v.dirs) != len(s.dirs) {
		return false
	}
	for _, name := range s.dirs {
		info, there := v.dirs[name]
		if !there || !sameMode(info.Mode(), fs.ModeDir|dirMode) || !inGroup(info, s.group) {
			return false
		}
	}
	return true
}

// absent is true for the errors that mean: nothing there.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
