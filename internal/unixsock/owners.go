package unixsock

import (
	"errors"
	"net"
	"os"
)

// OwnersOnly lets in root, which a kubelet is, and the user this process is. The mode keeps others out already; this holds
// where the mode does not, such as for a descriptor handed on.
func OwnersOnly(l *Listener) net.Listener { return ownersOnly{l} }

type ownersOnly struct{ *Listener }

// Accept ends a stranger's connection and waits for the next.
func (o ownersOnly) Accept() (net.Conn, error) {
	for {
		conn, err := o.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if owns(conn) {
			return conn, nil
		}
		_ = conn.Close()
	}
}

// owns takes everybody for the owner where the system does not say who connected: there the mode alone guards.
func owns(conn *net.UnixConn) bool {
	uid, err := PeerUID(conn)
	if errors.Is(err, errors.ErrUnsupported) {
		return true
	}
	return err == nil && (uid == 0 || uid == os.Geteuid())
}
