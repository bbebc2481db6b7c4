package socket

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"strongroom/internal/telemetry/logkey"
	"strongroom/internal/unixsock"
)

// doorkeeper lets in only the user ids it knows. The socket's mode already keeps others out; this holds where the mode
// does not: a directory shared by mistake, a descriptor handed on, a process that dropped to another user after
// opening its connection. The kernel vouches for the uid. Where it does not, everybody is refused: serving anybody would
// be worse than serving nobody.
type doorkeeper struct {
	uids []int
	log  *slog.Logger

	mu      sync.Mutex
	refused map[int]bool
}

// maxRefused bounds how many refused users are logged. Each is logged once: a stranger must not fill the disk.
const maxRefused = 64

func newDoorkeeper(uids []int, log *slog.Logger) *doorkeeper {
	return &doorkeeper{uids: uids, log: log, refused: map[int]bool{}}
}

// admit runs before a call's message is read, for every method including those that do not exist.
func (d *doorkeeper) admit(ctx context.Context, _ *tap.Info) (context.Context, error) {
	uid, known := peerOf(ctx)
	if !known {
		return nil, status.Error(codes.Unauthenticated, "this socket takes only local peers whose user the kernel states")
	}
	if !slices.Contains(d.uids, uid) {
		if d.first(uid) {
			d.log.Warn("user refused; further calls of this user are not logged", slog.Int(logkey.Peer, uid))
		}
		return nil, status.Errorf(codes.PermissionDenied, "user %d may not use this socket", uid)
	}
	return ctx, nil
}

// first reports whether this user's refusal is to be logged.
func (d *doorkeeper) first(uid int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refused[uid] || len(d.refused) >= maxRefused {
		return false
	}
	d.refused[uid] = true
	return true
}

// peerOf is the uid at the other end of the call's connection.
func peerOf(ctx context.Context) (int, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return 0, false
	}
	local, ok := p.AuthInfo.(localPeer)
	return local.uid, ok
}

// localPeer is a connection's other end.
type localPeer struct{ uid int }

// AuthType names how the peer is known.
func (localPeer) AuthType() string { return "peercred" }

// peerCredentials asks the kernel who connected, in place of a TLS handshake. A socket that cannot be asked leaves the
// peer unknown, and the doorkeeper refuses it.
type peerCredentials struct{}

func (peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return conn, nil, nil
	}
	uid, err := unixsock.PeerUID(local)
	if err != nil {
		return conn, nil, nil
	}
	return conn, localPeer{uid: uid}, nil
}

// ClientHandshake is never called: these are a server's credentials.
func (peerCredentials) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, nil, nil
}

func (peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peercred"}
}
func (p peerCredentials) Clone() credentials.TransportCredentials { return p }
func (peerCredentials) OverrideServerName(string) error           { return nil }
