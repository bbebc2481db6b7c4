package transport

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"
)

// dialer connects, by TCP alone or with TLS on top, within one time limit for both.
type dialer struct {
	timeout time.Duration
	tls     *tls.Config
}

func (d dialer) tcp(ctx context.Context, network, address string) (net.Conn, error) {
	plain := net.Dialer{Timeout: d.timeout, KeepAlive: 30 * time.Second}
	return plain.DialContext(ctx, network, local(address))
}

func (d dialer) secure(ctx context.Context, address string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	raw, err := d.tcp(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	settings := d.tls
	if settings.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = address
		}
		settings = settings.Clone()
		settings.ServerName = host
	}
	conn := tls.Client(raw, settings)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error is the one to tell
		return nil, err
	}
	return conn, nil
}

// local sends every name under .localhost to the loopback address without asking a resolver, as RFC 6761 has it: many
// resolvers do not know the rule, and none may be asked about a name that must not leave the machine.
func local(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}
