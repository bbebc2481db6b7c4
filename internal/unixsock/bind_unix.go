//go:build !windows

package unixsock

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// nobody says whether an error of a dial means that nobody listens.
func nobody(_ string, err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTSOCK) || errors.Is(err, syscall.ENOTDIR)
}

// bind makes a socket beside its place and moves it there.
func bind(path string) (*Listener, error) {
	private, leave, err := privateIn(filepath.Dir(path))
	if err != nil {
		return nil, cannotListen(err, path)
	}
	defer leave()
	temporary := filepath.Join(private, inPrivate)
	if over := max(len(path), len(temporary)) - maxPath; over > 0 {
		return nil, tooLong(path, over)
	}
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, cannotListen(err, path)
	}
	unix.SetUnlinkOnClose(false) // by then the path may belong to a successor
	l := &Listener{UnixListener: unix, path: path}
	if err := l.moveFrom(temporary); err != nil {
		_ = unix.Close()
		return nil, cannotListen(err, path)
	}
	return l, nil
}

// moveFrom narrows the socket's mode and gives it its name.
func (l *Listener) moveFrom(temporary string) (err error) {
	if err := os.Chmod(temporary, 0o600); err != nil {
		return err
	}
	if l.file, err = os.Lstat(temporary); err != nil {
		return err
	}
	return os.Rename(temporary, l.path)
}
