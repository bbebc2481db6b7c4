// Package unixsock makes unix sockets that are private from their first moment, and says who is at the other end.
//
// A socket is bound inside a directory of mode 0700 and renamed into place, so that nobody but its owner could open it
// at any moment, not even with the process's umask at 0; and the rename takes a stale socket's place in one step, so
// that a client finds the old or the new one, never none. Setting the umask for the bind was rejected: it belongs to
// the whole process, and other goroutines write files meanwhile.
//
// It never removes what is no socket, nor a socket that a successor has put in its place. Whom to admit is the caller's
// to decide.
package unixsock

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"strongroom/internal/fault"
)

// probeTimeout bounds how long finding out whether a server is alive may take. A local connect answers at once.
const probeTimeout = 2 * time.Second

// maxPath is how long a socket's path may be, from the system's own structure and its closing zero byte.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Listen binds a socket of mode 0600 at path, in place of one that nobody serves any more. Closing the listener removes
// it again. Errors: Busy when somebody serves there, Invalid when the path is no socket's or too long to be one,
// Internal when its directory cannot be used.
func Listen(path string) (*Listener, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	return Replace(path)
}

// Replace is Listen in place of a server that is alive, too: it keeps the connections it has and gets no new ones.
func Replace(path string) (*Listener, error) {
	if _, err := occupied(path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return nil, cannotListen(err, path)
	}
	defer func() { _ = os.RemoveAll(private) }()
	temporary := filepath.Join(private, "s")
	if over := max(len(path), len(temporary)) - maxPath; over > 0 {
		return nil, fault.New(fault.Invalid, path, "is %d bytes too long for a socket's path", over).Mend("use a directory with a shorter name")
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

// Listener is a listening socket together with the file it made, which it alone may remove.
type Listener struct {
	*net.UnixListener
	path   string
	file   fs.FileInfo
	remove sync.Once // a second Close could meet a successor to whom the inode number was given anew
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

// Close stops listening and removes the socket, unless a successor has taken its place.
func (l *Listener) Close() error {
	l.remove.Do(func() {
		if l.Stands() {
			_ = os.Remove(l.path)
		}
	})
	return l.UnixListener.Close()
}

// Stands says whether clients that look up the path find this socket, rather than none or somebody else's. It is to be
// asked before Close: an open socket's inode number is nobody else's.
func (l *Listener) Stands() bool {
	now, err := os.Lstat(l.path)
	return err == nil && os.SameFile(now, l.file)
}

// Answers says whether somebody listens at path, which a socket alone does not: a process that was killed leaves its own
// behind.
func Answers(path string) bool {
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil || !nobody(err)
}

// nobody says whether an error of a dial means that nobody listens.
func nobody(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTSOCK) || errors.Is(err, syscall.ENOTDIR)
}

// occupied says whether a socket stands at path, and refuses whatever else does.
func occupied(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, cannotListen(err, path)
	case info.Mode().Type() != fs.ModeSocket:
		return false, fault.New(fault.Invalid, path, "is not a socket, and is left alone").Mend("remove it, or use another path")
	}
	return true, nil
}

// vacant refuses a path where somebody serves, or where something stands that is no socket.
func vacant(path string) error {
	if there, err := occupied(path); !there {
		return err
	}
	if !Answers(path) {
		return nil // left behind by a process that died
	}
	return fault.New(fault.Busy, path, "another process is serving on this socket").Mend("stop the other one, or use another path")
}

func cannotListen(err error, path string) error {
	return fault.Wrap(err, fault.Internal, path, "cannot listen on this socket").
		Mend("make %s a directory this process may write in", filepath.Dir(path))
}
