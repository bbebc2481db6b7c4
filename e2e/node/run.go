package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// prefix begins the name of every run: of its directory and of its cgroups.
const prefix = "strongroom-e2e-"

// run is one run's directory, locked as long as its outer process lives.
type run struct {
	dir   string
	lock  *os.File
	space *os.File // its namespace of processes, see keepSpace
}

func (r *run) name() string { return filepath.Base(r.dir) }

// newRun makes the directory. It gets its final name with the lock taken, so that another run's sweep never finds one
// that seems abandoned.
func newRun() (*run, error) {
	fresh, err := os.MkdirTemp("", "new-"+prefix+"*")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(fresh, 0o755); err != nil { // containers of any user pass through it
		return nil, err
	}
	lock, err := takeLock(fresh)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(filepath.Dir(fresh), strings.TrimPrefix(filepath.Base(fresh), "new-"))
	return &run{dir: dir, lock: lock}, os.Rename(fresh, dir)
}

// takeLock locks a run's directory, or fails when its outer process lives.
func takeLock(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// remove takes away what the end of its processes leaves of a run. STRONGROOM_E2E_KEEP=1 keeps logs and configuration.
func (r *run) remove() error {
	defer r.lock.Close()
	if err := removeCgroups(r.name()); err != nil {
		return err
	}
	if os.Getenv("STRONGROOM_E2E_KEEP") == "1" {
		kept := filepath.Join(filepath.Dir(r.dir), "kept-"+r.name())
		fmt.Fprintln(os.Stderr, "e2e: logs and configuration are kept in", kept)
		if err := os.RemoveAll(filepath.Join(r.dir, "containerd")); err != nil {
			return err
		}
		return os.Rename(r.dir, kept)
	}
	return os.RemoveAll(r.dir)
}

// sweep removes what killed runs left: their directories, and cgroups that hold no process any more.
func sweep() error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return err
	}
	alive := map[string]bool{}
	for _, dir := range dirs {
		lock, err := takeLock(dir)
		if err != nil {
			alive[filepath.Base(dir)] = true
			continue
		}
		old := &run{dir: dir, lock: lock}
		if err := errors.Join(removeCgroups(old.name()), os.RemoveAll(dir), lock.Close()); err != nil {
			return fmt.Errorf("an earlier run cannot be swept: %w", err)
		}
	}
	for _, dir := range cgroups(prefix + "*") {
		if name := filepath.Base(dir); !alive[name] && len(members(dir)) == 0 {
			if err := removeCgroups(name); err != nil {
				return fmt.Errorf("an earlier run cannot be swept: %w", err)
			}
		}
	}
	return nil
}

// cgroups lists the directories of a run, or of all with a pattern, in every hierarchy.
func cgroups(name string) []string {
	deep, _ := filepath.Glob("/sys/fs/cgroup/*/" + name)
	top, _ := filepath.Glob("/sys/fs/cgroup/" + name)
	return append(deep, top...)
}

// members lists the processes in and beneath a cgroup.
func members(dir string) string {
	var all strings.Builder
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "cgroup.procs" {
			text, _ := os.ReadFile(path)
			all.Write(text)
		}
		return nil // a cgroup that goes away meanwhile has no members
	})
	return all.String()
}

// removeCgroups removes a run's cgroups, for which the kernel may need a moment after the last process has ended.
func removeCgroups(name string) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		var errs []error
		for _, dir := range cgroups(name) {
			errs = append(errs, removeTree(dir))
		}
		if err := errors.Join(errs...); err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// removeTree removes a directory of cgroups; their files go with them.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(dir)
}
