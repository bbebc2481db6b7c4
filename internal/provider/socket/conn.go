package socket

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

// target is never resolved: the dialer knows the path.
const target = "passthrough:///provider"

// conn is one connection to one socket file. users and retired are the pool's.
type conn struct {
	path    string
	file    fs.FileInfo
	cc      *grpc.ClientConn
	last    *lastDial
	users   int
	retired bool
}

// lastDial remembers why the latest attempt to connect failed, which gRPC does not tell while it waits for the next.
type lastDial struct{ err atomic.Pointer[error] }

func (l *lastDial) dial(ctx context.Context, path string) (net.Conn, error) {
	var dialer net.Dialer
	nc, err := dialer.DialContext(ctx, "unix", path)
	l.err.Store(&err)
	return nc, err
}

// orElse is the reason of the latest attempt, or other where it succeeded or was none.
func (l *lastDial) orElse(other string) error {
	if err := l.err.Load(); err != nil && *err != nil {
		return *err
	}
	return errors.New(other)
}

func newConn(path string, file fs.FileInfo, cfg Config) (*conn, error) {
	last := new(lastDial)
	cc, err := grpc.NewClient(target, append(dialOptions(path, cfg.MaxRecv, last), connectWithin(cfg.Connect))...)
	if err != nil {
		return nil, err
	}
	return &conn{path: path, file: file, cc: cc, last: last}, nil
}

// maxHeaders bounds an answer's headers and trailers, an error's text among them. gRPC's own bound of 16 MiB takes minutes
// to read, for the library copies what it has at each 16 KiB.
const maxHeaders = 256 << 10

// dialOptions leave trying again to the caller: a provider is asked once per call, whatever comes of it.
func dialOptions(path string, maxRecv int, last *lastDial) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority(authority),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return last.dial(ctx, path) }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxRecv)),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
	}
}

func connectWithin(limit time.Duration) grpc.DialOption {
	return grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: limit})
}

// up waits until the connection is made, or is known not to be.
func (c *conn) up(ctx context.Context) error {
	for {
		state := c.cc.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.Idle:
			c.cc.Connect()
		case connectivity.TransientFailure:
			return c.last.orElse("it accepts connections and drops them")
		case connectivity.Shutdown:
			return errors.New("the driver is shutting down")
		}
		if !c.cc.WaitForStateChange(ctx, state) {
			return c.last.orElse("it did not take a connection in time")
		}
	}
}

// end closes; nil is no connection.
func (c *conn) end() {
	if c != nil {
		_ = c.cc.Close()
	}
}
