package volume

import (
	"crypto/rand"
	"errors"
	"os"
	"path"
	"slices"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Write makes the target hold exactly these files, in one atomic step, and touches nothing when it does already. An
// empty set is a legal one. What was there before Write and is not of the layout (a provider of old wrote its files
// itself) is replaced where a file needs its name, else left alone.
//
// Every path is checked before anything is written; see the errors of kind Invalid. The modes are applied as they are,
// 0 included. With a group, files and directories belong to it; which modes suit a group is the caller's business, and
// directories stay 0755 so that they narrow no file's explicit mode. Without one the system's choice stands and is not
// compared.
//
// Errors: Invalid for the files, Busy when the target is being changed, Internal otherwise, with the old set still in
// place. Change is filled with an error too when only the tidying up after the swap failed.
func (m *Manager) Write(target string, files []secret.File, group *int) (Change, error) {
	want, err := newSet(files, group)
	if err != nil {
		return Change{}, err
	}
	target, unlock, err := m.lock(target)
	if err != nil {
		return Change{}, err
	}
	defer unlock()
	if err := m.ready(target); err != nil {
		return Change{}, err
	}
	d, err := m.open(target)
	if err != nil {
		return Change{}, failed(err, target, "open")
	}
	defer d.close()
	// Another process (FlexVolume is one per call) may be at it too; its half-made directory must not be cleaned.
	release, err := d.exclude()
	if err != nil {
		return Change{}, err
	}
	defer release()
	change, err := m.become(d, want)
	if err != nil {
		return change, failed(err, target, "write")
	}
	return change, nil
}

// ready refuses to put secrets on a disk where memory was asked for.
func (m *Manager) ready(target string) error {
	if m.mode != Tmpfs {
		return nil
	}
	mounted, err := m.mounter.IsMountPoint(target)
	if err != nil {
		return failed(err, target, "inspect")
	}
	if !mounted {
		return fault.New(fault.Internal, target, "nothing is mounted there, and secrets are not written to disk")
	}
	return nil
}

// become does the work of Write on an opened target.
func (m *Manager) become(d *dir, want set) (Change, error) {
	if err := d.mend(); err != nil {
		return Change{}, err
	}
	have, err := d.look()
	if err != nil {
		return Change{}, err
	}
	if err := d.clean(); err != nil {
		return Change{}, err
	}
	change := d.compare(have, want)
	if change.Changed {
		data := m.newName()
		if err := d.swap(data, want); err != nil {
			if now, unknown := d.current(); unknown != nil || now != data {
				return Change{}, errors.Join(err, unknown, d.clean(), d.unlinkAbsent(have, want))
			}
		}
	}
	repaired, err := d.tidy(want)
	change.Changed = change.Changed || repaired
	if change.Changed {
		err = errors.Join(err, d.clean(), d.sync("."))
	}
	return change, err
}

// newName is a directory's: the time for people, the rest so that it was never used before.
func (m *Manager) newName() string {
	return ".." + m.clock.Now().UTC().Format(stampForm) + "." + rand.Text()[:12]
}

// swap makes the new set beside the old one and then visible. Until its last step readers see the old one, and links
// to names that the old one lacks lead nowhere.
func (d *dir) swap(data string, want set) error {
	if err := d.stage(data, want); err != nil {
		return err
	}
	missing, _, err := d.unlinked(want.top)
	if err != nil {
		return err
	}
	for _, name := range missing {
		if linksHaveKinds && slices.Contains(want.dirs, name) {
			continue // tidied once its end is there
		}
		if err := d.root.Symlink(linkTo(name), name); err != nil {
			return err
		}
	}
	if err := d.sync("."); err != nil {
		return err
	}
	return d.point(dataLink, data)
}

// tidy straightens the visible names after a swap, or after a write that was killed behind one.
func (d *dir) tidy(want set) (repaired bool, err error) {
	missing, crooked, err := d.unlinked(want.top)
	if err != nil {
		return false, err
	}
	for _, name := range slices.Concat(missing, crooked) {
		if err := d.point(name, linkTo(name)); err != nil {
			return repaired, err
		}
		repaired = true
	}
	stale, err := d.stale(want.top)
	if err != nil {
		return repaired, err
	}
	for _, name := range stale {
		if err := d.root.Remove(name); err != nil && !absent(err) {
			return repaired, err
		}
		repaired = true
	}
	return repaired, nil
}

// unlinkAbsent takes back the links of a swap that failed, those to names the old set lacks.
func (d *dir) unlinkAbsent(have view, want set) error {
	var errs []error
	for _, name := range want.top {
		_, file := have.files[name]
		_, folder := have.dirs[name]
		if file || folder {
			continue
		}
		linked, err := d.linked(name)
		if linked {
			err = d.root.Remove(name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// stage writes the whole set into a new directory.
func (d *dir) stage(data string, want set) error {
	for _, name := range want.dirs {
		if err := d.makeDir(path.Join(data, name), want.group); err != nil {
			return err
		}
	}
	for _, f := range want.files {
		if err := d.makeFile(path.Join(data, f.Path), f, want.group); err != nil {
			return err
		}
	}
	for _, name := range slices.Backward(want.dirs) {
		if err := d.sync(path.Join(data, name)); err != nil {
			return err
		}
	}
	return nil
}

func (d *dir) makeDir(name string, group *int) error {
	if err := d.root.Mkdir(name, 0o700); err != nil {
		return err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(give(f, group), f.Chmod(dirMode), f.Close())
}

// makeFile never opens an existing file. The bytes are unreadable to others until the mode is set.
func (d *dir) makeFile(name string, file secret.File, group *int) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(file.Contents.Reveal())
	err = errors.Join(err, give(f, group), f.Chmod(file.Mode.Perm()))
	if d.plain && err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
