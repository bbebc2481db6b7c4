package volume

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strongroom/internal/fault"
)

// The names Manager keeps for itself in a target. Files may not begin with "..", so they never collide.
const (
	dataLink  = "..data"     // points to the directory of the set that is visible
	pending   = "..data_tmp" // a link about to be renamed over another
	displaced = "..old_tmp"  // a directory that stood where a link belongs
	stampForm = "2006_01_02_15_04_05"
)

// dir is an opened target. Everything goes through root, so a link planted inside leads nowhere outside.
type dir struct {
	target  string
	root    *os.Root
	device  uint64
	durable bool // the content is on a disk, so what a crash may not lose is synced before a rename
}

// open opens the directory at target itself, never what a link there points to.
func (m *Manager) open(target string) (*dir, error) {
	before, err := os.Lstat(target)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: target, Err: errNotDirectory}
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return nil, err
	}
	after, err := root.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = &fs.PathError{Op: "open", Path: target, Err: errNotDirectory}
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return &dir{target: target, root: root, device: deviceOf(after), durable: canSync && !onTmpfs(target)}, nil
}

var errNotDirectory = errors.New("is not a directory of its own (a file or a symbolic link)")

func (d *dir) close() { _ = d.root.Close() }

// current is the name of the directory that holds the visible set; empty when there is none.
func (d *dir) current() string {
	name, err := d.root.Readlink(dataLink)
	if err != nil || !isStamped(name) {
		return ""
	}
	if info, err := d.root.Lstat(name); err != nil || !info.IsDir() {
		return ""
	}
	return name
}

// isStamped recognises ours and upstream's data directories: two dots, a UTC time, a dot and something random.
func isStamped(name string) bool {
	stamp, random, found := strings.Cut(strings.TrimPrefix(name, ".."), ".")
	if !strings.HasPrefix(name, "..") || !found || random == "" || strings.ContainsAny(random, `/\`) {
		return false
	}
	_, err := time.Parse(stampForm, stamp)
	return err == nil
}

// linkTo is what the visible name must point to.
func linkTo(name string) string { return filepath.Join(dataLink, name) }

// linked says whether the visible name is as it must be.
func (d *dir) linked(name string) bool {
	to, err := d.root.Readlink(name)
	return err == nil && to == linkTo(name)
}

// unlinked lists those of the names that nothing stands at, and those where something else does.
func (d *dir) unlinked(names []string) (missing, crooked []string, err error) {
	for _, name := range names {
		_, err := d.root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return nil, nil, err
		case !d.linked(name):
			crooked = append(crooked, name)
		}
	}
	return missing, crooked, nil
}

// stale lists the links of ours that do not belong to the set whose first elements are top.
func (d *dir) stale(top []string) ([]string, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 && !slices.Contains(top, e.Name()) && d.linked(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// point makes name a link to dest in one step, whatever stands there. Only a real directory cannot be replaced in one
// step; it is moved aside first.
func (d *dir) point(name, dest string) error {
	if err := d.root.Symlink(dest, pending); err != nil {
		return err
	}
	info, err := d.root.Lstat(name)
	if err == nil && info.IsDir() {
		err = d.root.Rename(name, displaced)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.root.Rename(pending, name); err != nil {
		return err
	}
	return d.erase(displaced)
}

// clean removes what a write leaves behind when it is killed or fails, and sets that were replaced: all that is ours but
// what ..data points to at this moment.
func (d *dir) clean() error {
	keep := d.current()
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		ours := name == pending || name == displaced || isStamped(name)
		if ours && name != keep {
			if err := d.erase(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// erase removes a tree, and refuses when something else is mounted in it: that is not ours to empty.
func (d *dir) erase(name string) error {
	info, err := d.root.Lstat(name)
	if absent(err) {
		return nil
	}
	if err == nil && !info.IsDir() {
		return d.root.Remove(name) // walking would follow a link
	}
	err = fs.WalkDir(d.root.FS(), name, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && deviceOf(info) != d.device {
			return fault.New(fault.Internal, d.target, "another file system is mounted at %s in it", p).
				Mend("umount %s", filepath.Join(d.target, p))
		}
		return err
	})
	if err != nil && !absent(err) {
		return err
	}
	return d.root.RemoveAll(name)
}

// sync makes a directory's entries survive a power cut, where that means anything.
func (d *dir) sync(name string) error {
	if !d.durable {
		return nil
	}
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
