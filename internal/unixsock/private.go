//go:build !windows

package unixsock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	privatePrefix = ".new-"
	inPrivate     = "s" // the socket, until it is moved out
)

// manyTries is more often than anybody could meet a sweeper by chance.
const manyTries = 100

// privateIn makes a directory of mode 0700 that is this process's own until leave, and removes those of processes that
// were killed between making theirs and leaving it. Each is locked by its owner while that lives, which is how the
// others are told from it: by their age they could not be, since a node's clock may jump.
func privateIn(dir string) (path string, leave func(), err error) {
	sweep(dir)
	for range manyTries {
		path, err := os.MkdirTemp(dir, privatePrefix)
		if err != nil {
			return "", nil, err
		}
		unlock, err := own(path)
		if err == nil {
			return path, func() {
				_ = os.RemoveAll(path)
				unlock()
			}, nil
		}
		// Another process that sweeps at this moment took it for one of the dead's.
		_ = os.RemoveAll(path)
		if !errors.Is(err, errOwned) && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
	}
	return "", nil, errOwned
}

var errOwned = errors.New("another process has taken the directory")

// own locks a directory and makes sure that it is still there then.
func own(path string) (unlock func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	unlock, err = lock(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	mine, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Lstat(path); err == nil && !os.SameFile(mine, there) {
			err = errOwned
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// sweep removes private directories that nobody owns any more. What it cannot remove does no harm, and a directory of
// that name with anything else in it is not ours. Where there are no locks nothing is swept.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil || !canLock {
		return // whoever makes a directory there says why it cannot be used
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), privatePrefix) {
			remove(filepath.Join(dir, e.Name()))
		}
	}
}

// remove takes a private directory away whose owner is dead.
func remove(path string) {
	unlock, err := own(path)
	if err != nil {
		return
	}
	defer unlock()
	socket := filepath.Join(path, inPrivate)
	if info, err := os.Lstat(socket); err == nil && info.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(socket)
	}
	_ = os.Remove(path)
}
