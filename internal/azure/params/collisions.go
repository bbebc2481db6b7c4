package params

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

// layout is the volume as the objects want it: who writes which file. Histories are kept as ranges, so that a
// thousand objects of a thousand versions cost no more than a thousand files.
type layout struct {
	files     map[string]int     // path -> index of the object
	histories map[string]history // directory of <index> files -> whose
	split     bool               // secrets may also become .crt and .key
}

type history struct {
	object, count int
	split         bool
}

// collisions tells of objects that want the same file, or a file where another needs a directory. The last would
// win in silence otherwise.
func (d *decoder) collisions(objects []Object) {
	l := layout{map[string]int{}, map[string]history{}, d.in.Split}
	for i, o := range objects {
		if other, taken := l.add(i, o); taken {
			d.clash(objects, i, other)
		}
	}
	for i, o := range objects {
		if other, blocked := l.blocked(i, o); blocked {
			d.clash(objects, i, other)
		}
	}
}

// Files tells which paths a volume may have: every file an object becomes if the vault has it. split is Input.Split.
func (r Request) Files(split bool) func(path string) bool {
	l := layout{map[string]int{}, map[string]history{}, split}
	for i, o := range r.Objects {
		l.add(i, o)
	}
	return func(path string) bool {
		_, there := l.file(path)
		return there
	}
}

func (d *decoder) clash(objects []Object, i, other int) {
	d.problem(fmt.Sprintf("objects[%d].%s (%s)", i, fieldAlias, objects[i].Object),
		"the file %q cannot stand beside that of objects[%d] (%s)", fault.Shorten(objects[i].Path), other, objects[other].Object).
		Mend("give one of them another objectAlias")
}

// add enters an object's files, and gives the object that already has one of them.
func (l layout) add(i int, o Object) (other int, taken bool) {
	if pathProblem(o.Path) != "" {
		return 0, false // told already
	}
	if o.History > 0 {
		h, there := l.histories[o.Path]
		if !there {
			l.histories[o.Path] = history{i, o.History, l.splits(o)}
		}
		return h.object, there
	}
	for _, file := range l.names(o) {
		if owner, there := l.files[file]; there {
			other, taken = owner, true
			continue
		}
		l.files[file] = i
	}
	return other, taken
}

// blocked gives the object that makes another's file or directory impossible: its file is a numbered version there,
// or one of its directories is a file.
func (l layout) blocked(i int, o Object) (other int, blocked bool) {
	if pathProblem(o.Path) != "" {
		return 0, false
	}
	if o.History > 0 {
		if owner, there := l.file(o.Path); there {
			return owner, true
		}
	} else {
		for _, file := range l.names(o) {
			if owner, there := l.numbered(file); there {
				return owner, true
			}
		}
	}
	for dir := path.Dir(o.Path); dir != "."; dir = path.Dir(dir) {
		if owner, there := l.file(dir); there && owner != i {
			return owner, true
		}
	}
	return 0, false
}

// splits reports whether an object may become three files. Whether it does is known only once the vault has said
// that a certificate stands behind it, so every secret is taken for one; but as it is stored it stays one file.
func (l layout) splits(o Object) bool {
	return l.split && o.Kind == secret.Secret && o.Format != material.Raw
}

func (l layout) names(o Object) []string {
	if l.splits(o) {
		return []string{o.Path, o.Path + ".crt", o.Path + ".key"}
	}
	return []string{o.Path}
}

// file is the object that writes a file of that path.
func (l layout) file(p string) (owner int, there bool) {
	if owner, there = l.files[p]; there {
		return owner, true
	}
	return l.numbered(p)
}

// numbered is the object one of whose versions has that path.
func (l layout) numbered(p string) (owner int, there bool) {
	h, there := l.histories[path.Dir(p)]
	if !there {
		return 0, false
	}
	base := path.Base(p)
	if ext := path.Ext(base); h.split && (ext == ".crt" || ext == ".key") {
		base = strings.TrimSuffix(base, ext)
	}
	n, err := strconv.Atoi(base)
	return h.object, err == nil && n >= 0 && n < h.count && strconv.Itoa(n) == base
}
