// Package unixsock makes unix sockets that are private from their first moment, and says who is at the other end.
//
// A socket is bound inside a directory of mode 0700 and renamed into place, so that nobody but its owner could open it
// at any moment, not even with the process's umask at 0; and the rename takes a stale socket's place in one step, so
// that a client finds the old or the new one, never none. Setting the umask for the bind was rejected: it belongs to
// the whole process, and other goroutines write files meanwhile.
//
// On Windows a socket is bound where it is to stand, since nothing says that one may be renamed, and the directory's access
// list is all that guards it: see bind there.
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
	return bind(path)
}

func tooLong(path string, over int) error {
	return fault.New(fault.Invalid, path, "is %d bytes too long for a socket's path", over).Mend("use a directory with a shorter name")
}

// Listener is a listening socket together with the file it made, which it alone may remove.
type Listener struct {
	*net.UnixListener
	path   string
	file   fs.FileInfo
	remove sync.Once // a second Close could meet a successor to whom the inode number was given anew
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
	return err == nil || !nobody(path, err)
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
