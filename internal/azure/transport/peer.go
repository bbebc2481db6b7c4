package transport

import (
	"context"
	"crypto/x509"
	"errors"
)

// PeerCertificate shakes hands with a TLS server at host:port, never through a proxy, and gives the certificate it
// showed, verified like any other. Nothing is sent. Errors are the connection's.
func (c *Clients) PeerCertificate(ctx context.Context, address string) (*x509.Certificate, error) {
	conn, err := c.direct.dialer.secure(ctx, address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	shown := conn.ConnectionState().PeerCertificates
	if len(shown) == 0 { // a resumed session keeps them; this is for a library that changes its mind
		return nil, errors.New("the server showed no certificate")
	}
	return shown[0], nil
}
