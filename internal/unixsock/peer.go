package unixsock

import "net"

// PeerUID is the user who connected, as the kernel recorded it then. Elsewhere than on Linux and macOS it is not known,
// and the error is errors.ErrUnsupported.
func PeerUID(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var uid int
	var asked error
	if err := raw.Control(func(fd uintptr) { uid, asked = recordedUID(int(fd)) }); err != nil {
		return 0, err
	}
	return uid, asked
}
