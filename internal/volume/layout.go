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
	root    *root
	device  uint64
	plain   bool // the content is on a disk
	durable bool // and directories can be synced, so what a crash may not lose is synced before a rename
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
	_ = os.SameFile(before, before) // some systems look only now which directory it is
	root, err := openRoot(target)
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
	plain := !onTmpfs(target)
	return &dir{target: target, root: root, device: deviceOf(after), plain: plain, durable: plain && canSync}, nil
}

var errNotDirectory = errors.New("is not a directory of its own (a file or a symbolic link)")

func (d *dir) close() { _ = d.root.Close() }

// current is the name of the directory that holds the visible set; empty when there is none. An error is not "none": what
// cannot be read may be what a pod uses, and must be neither cleaned away nor taken for a first mount.
func (d *dir) current() (string, error) {
	name, err := d.readlink(dataLink)
	if err != nil || !isStamped(name) {
		return "", err
	}
	info, err := d.root.Lstat(name)
	if absent(err) {
		return "", nil
	}
	if err != nil || !info.IsDir() {
		return "", err
	}
	return name, nil
}

// readlink is where a link points; empty for what is no link and for nothing.
func (d *dir) readlink(name string) (string, error) {
	to, err := d.root.Readlink(name)
	if absent(err) || isNoLink(err) {
		return "", nil
	}
	return to, err
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
func (d *dir) linked(name string) (bool, error) {
	to, err := d.readlink(name)
	return filepath.FromSlash(to) == linkTo(name), err
}

// unlinked lists those of the names that nothing stands at, and those where something else does.
func (d *dir) unlinked(names []string) (missing, crooked []string, err error) {
	for _, name := range names {
		_, err := d.root.Lstat(name)
		if absent(err) {
			missing = append(missing, name)
			continue
		}
		linked := false
		if err == nil {
			linked, err = d.linked(name)
		}
		if err != nil {
			return nil, nil, err
		}
		if !linked || !d.straight(name) {
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
		if e.Type()&fs.ModeSymlink == 0 || slices.Contains(top, e.Name()) {
			continue
		}
		linked, err := d.linked(e.Name())
		if err != nil {
			return nil, err
		}
		if linked {
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
	if err := d.replace(pending, name); err != nil {
		return err
	}
	return d.erase(displaced)
}

// replace renames a link over another in one step. Where that is refused it takes two, and whoever looks between them
// finds no link.
func (d *dir) replace(from, to string) error {
	err := d.root.Rename(from, to)
	if !refusesToReplace(err) {
		return err
	}
	if err := d.root.Remove(to); err != nil && !absent(err) {
		return err
	}
	return d.root.Rename(from, to)
}

// clean removes what a write leaves behind when it is killed or fails, and sets that were replaced: all that is ours but
// what ..data points to at this moment. What is in use where that keeps it from being removed stays until the next write.
func (d *dir) clean() error {
	keep, err := d.current()
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		ours := name == pending || name == displaced || isStamped(name)
		if ours && name != keep {
			if err := d.erase(name); err != nil && !inUse(err) {
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
