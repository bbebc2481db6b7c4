package unixsock

import (
	"errors"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/windows"

	"strongroom/internal/fault"
)

// nobody says whether an error of a dial means that nobody listens: that it says so in Windows's own number, which is none
// of those that Go has for other systems, or that there is no socket, whatever it says then.
func nobody(path string, err error) bool {
	info, missing := os.Lstat(path)
	return errors.Is(err, windows.WSAECONNREFUSED) || errors.Is(missing, fs.ErrNotExist) || missing == nil && info.Mode().Type() != fs.ModeSocket
}

// bind takes away what nobody serves any more, and binds in its place. A client that comes between the two finds nobody and
// tries again; of two processes that bind at once one is told that the other was faster.
func bind(path string) (*Listener, error) {
	if over := len(path) - maxPath; over > 0 {
		return nil, tooLong(path, over)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, cannotListen(err, path)
	}
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if errors.Is(err, windows.WSAEADDRINUSE) {
		return nil, fault.New(fault.Busy, path, "another process has just begun to serve on this socket").Mend("stop the other one, or use another path")
	}
	if err != nil {
		return nil, cannotListen(err, path)
	}
	unix.SetUnlinkOnClose(false) // by then the path may belong to a successor
	file, err := os.Lstat(path)
	if err != nil {
		_ = unix.Close()
		return nil, cannotListen(err, path)
	}
	_ = os.SameFile(file, file) // which file it is may be looked up only when somebody asks, and then it is this one
	return &Listener{UnixListener: unix, path: path, file: file}, nil
}
