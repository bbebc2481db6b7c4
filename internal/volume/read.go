package volume

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Read gives the visible files with their content, as sorted slash-separated paths: those of the finished set, and real
// files that somebody else put there. What begins with ".." is the layout's, and no link is followed out of the target
// or to anything but a finished set. When a swap happens meanwhile it reads again, so that what it gives stood there
// together.
//
// Errors: NotFound when there is no such target, Invalid for a path that cannot be one, Internal otherwise, such as for
// a file of mode 0 without the privilege to read it.
func (m *Manager) Read(target string) ([]secret.File, error) {
	target, err := checkTarget(target)
	if err != nil {
		return nil, err
	}
	d, err := m.open(target)
	if absent(err) {
		return nil, fault.New(fault.NotFound, target, "there is no volume at this path")
	}
	if err != nil {
		return nil, failed(err, target, "read")
	}
	defer d.close()
	for {
		before, unknown := d.current()
		if unknown != nil {
			return nil, failed(unknown, target, "read")
		}
		files, err := d.files()
		after, unknown := d.current()
		switch {
		case unknown != nil:
			return nil, failed(unknown, target, "read")
		case after != before:
			continue
		case err != nil:
			return nil, failed(err, target, "read")
		}
		return files, nil
	}
}

// files reads every visible file. One that goes away meanwhile is left out.
func (d *dir) files() ([]secret.File, error) {
	at, err := d.places()
	if err != nil {
		return nil, err
	}
	files := make([]secret.File, 0, len(at))
	for _, name := range slices.Sorted(maps.Keys(at)) {
		file, err := d.file(name, at[name])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// places says for each visible file where it really stands.
func (d *dir) places() (map[string]string, error) {
	foreign, err := d.foreign()
	if err != nil {
		return nil, err
	}
	at := make(map[string]string, len(foreign))
	for name := range foreign {
		at[name] = name
	}
	v, err := d.look()
	if err != nil {
		return nil, err
	}
	for name, info := range v.files {
		if first, _, _ := strings.Cut(name, "/"); info.Mode().IsRegular() && !slices.Contains(v.hidden, first) {
			at[name] = v.data + "/" + name
		}
	}
	return at, nil
}

func (d *dir) file(name, at string) (secret.File, error) {
	info, err := d.root.Lstat(at)
	if err != nil {
		return secret.File{}, err
	}
	content, err := d.root.ReadFile(at)
	return secret.File{Path: name, Mode: info.Mode().Perm(), Contents: secret.NewValue(content)}, err
}
