package volume

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// Names lists the visible files, as sorted slash-separated paths: those of the finished set, and real files that
// somebody else put there. Links that lead elsewhere are not followed.
func (m *Manager) Names(target string) ([]string, error) {
	target, err := checkTarget(target)
	if err != nil {
		return nil, err
	}
	d, err := m.open(target)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err, target, "list")
	}
	defer d.close()
	names, err := d.foreign()
	if err != nil {
		return nil, failed(err, target, "list")
	}
	v, err := d.look()
	if err != nil {
		return nil, failed(err, target, "list")
	}
	for name := range v.files {
		if first, _, _ := strings.Cut(name, "/"); !slices.Contains(v.hidden, first) {
			names[name] = true
		}
	}
	return sorted(names), nil
}

// foreign finds the real files that stand outside the layout.
func (d *dir) foreign() (map[string]bool, error) {
	names := map[string]bool{}
	err := fs.WalkDir(d.root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case absent(err):
			return nil // removed meanwhile
		case err != nil:
			return err
		case strings.HasPrefix(p, "..") && e.IsDir():
			return fs.SkipDir
		case e.Type().IsRegular() && !strings.HasPrefix(p, ".."):
			names[p] = true
		}
		return nil
	})
	return names, err
}

// Stats says how full the volume is: a tmpfs as the kernel counts, a plain directory by its own files, with the totals
// of the disk beneath it. Errors: NotFound when there is no such target, nor could be.
func (m *Manager) Stats(target string) (Stats, error) {
	clean, err := checkTarget(target)
	if err != nil {
		return Stats{}, fault.Wrap(err, fault.NotFound, "", "there is no volume at this path")
	}
	target = clean
	d, err := m.open(target)
	if absent(err) {
		return Stats{}, fault.New(fault.NotFound, target, "there is no volume at this path")
	}
	if err != nil {
		return Stats{}, failed(err, target, "measure")
	}
	defer d.close()
	stats, err := fileSystemStats(target)
	if err == nil && d.plain {
		stats.Bytes.Used, stats.Inodes.Used, err = d.own()
	}
	if err != nil {
		return Stats{}, failed(err, target, "measure")
	}
	return stats, nil
}

// own counts the bytes and the entries below the target.
func (d *dir) own() (bytes, entries int64, err error) {
	err = fs.WalkDir(d.root.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // swapped away meanwhile
		}
		if err != nil {
			return err
		}
		entries++
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes, entries, err
}
