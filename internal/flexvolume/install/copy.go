package install

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mark tells whether a file is the one it was: reading the program again every minute would cost more than it is worth.
type mark struct {
	info     fs.FileInfo
	modified time.Time
	size     int64
}

func markOf(path string) (mark, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return mark{}, err
	}
	return mark{info, info.ModTime(), info.Size()}, nil
}

// untouched says that the program is the very file that was installed or found identical.
func (i *Installer) untouched() bool {
	now, err := markOf(filepath.Join(i.home(), Program))
	return err == nil && i.last.info != nil && os.SameFile(now.info, i.last.info) &&
		now.modified.Equal(i.last.modified) && now.size == i.last.size && now.info.Mode() == i.last.info.Mode()
}

// beside lists the files that go beside the program. A ConfigMap's own entries, which begin with a dot, are not among
// them, and nothing takes the program's place.
func (i *Installer) beside() (names []string, err error) {
	if i.Beside == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(i.Beside)
	if err != nil {
		return nil, wrap(err, i.Beside)
	}
	for _, entry := range entries {
		info, err := os.Stat(filepath.Join(i.Beside, entry.Name()))
		if err != nil {
			return nil, wrap(err, entry.Name())
		}
		if info.Mode().IsRegular() && !strings.HasPrefix(entry.Name(), ".") && entry.Name() != Program {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// makeHome makes the driver's directory. One that is not there yet appears with everything in it: a kubelet looks into
// it the moment it appears, and is not to find it empty.
func (i *Installer) makeHome(beside []string) (made bool, err error) {
	if _, err := os.Lstat(i.home()); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := os.MkdirAll(i.Dir, 0o755); err != nil {
		return false, err
	}
	left, _ := filepath.Glob(filepath.Join(i.Dir, "."+Vendor+"-*")) // by an installer that was killed
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
	dir, err := os.MkdirTemp(i.Dir, "."+Vendor+"-")
	if err != nil {
		return false, err
	}
	if err = i.fill(dir, beside); err == nil {
		err = os.Rename(dir, i.home())
	}
	if err != nil {
		return false, errors.Join(err, os.RemoveAll(dir))
	}
	return true, syncDir(i.Dir)
}

// fill writes everything into a directory that nobody looks at yet.
func (i *Installer) fill(dir string, beside []string) error {
	for _, name := range beside {
		if err := write(filepath.Join(i.Beside, name), filepath.Join(dir, name), 0o600); err != nil {
			return err
		}
	}
	return errors.Join(write(i.Source, filepath.Join(dir, Program), 0o755), os.Chmod(dir, 0o755))
}

// dropOldSettings removes settings that the operator has taken away: they would hold on unseen.
func (i *Installer) dropOldSettings(beside []string) error {
	if slices.Contains(beside, Settings) {
		return nil
	}
	err := os.Remove(filepath.Join(i.home(), Settings))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// put makes name in the driver's directory a copy of source, unless it is one.
func (i *Installer) put(source, name string, mode fs.FileMode) (written bool, err error) {
	target := filepath.Join(i.home(), name)
	if same, err := identical(source, target, mode); same || err != nil {
		return false, err
	}
	i.sweep(name)
	temporary := filepath.Join(i.home(), "."+name+".new")
	if err := write(source, temporary, mode); err != nil {
		return false, errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, target); err != nil {
		return false, errors.Join(err, os.Remove(temporary))
	}
	return true, syncDir(i.home())
}

// sweep removes what an installer left that was killed; where it cannot, the write that follows says why.
func (i *Installer) sweep(name string) { _ = os.Remove(filepath.Join(i.home(), "."+name+".new")) }

// write makes a new file with a copy of source that survives a power cut.
func write(source, target string, mode fs.FileMode) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Chmod(mode), to.Sync(), to.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// identical compares mode and bytes. Anything at target that is no regular file is not the copy.
func identical(source, target string, mode fs.FileMode) (bool, error) {
	have, err := os.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	want, err := os.Stat(source)
	if err != nil || have.Mode() != mode || have.Size() != want.Size() {
		return false, err
	}
	return sameBytes(source, target)
}

func sameBytes(one, other string) (bool, error) {
	a, err := os.Open(one)
	if err != nil {
		return false, err
	}
	defer func() { _ = a.Close() }()
	b, err := os.Open(other)
	if err != nil {
		return false, err
	}
	defer func() { _ = b.Close() }()
	const block = 64 << 10
	left, right := make([]byte, block), make([]byte, block)
	for {
		n, err := io.ReadFull(a, left)
		m, otherErr := io.ReadFull(b, right)
		if !bytes.Equal(left[:n], right[:m]) {
			return false, nil
		}
		if err != nil || otherErr != nil {
			return ended(err) && ended(otherErr), unlessEnded(err, otherErr)
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func unlessEnded(list ...error) error {
	for _, err := range list {
		if err != nil && !ended(err) {
			return err
		}
	}
	return nil
}
