package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"
)

// warm connects and leaves the connection for the next dial to the same server. It takes the part of the first request
// while it does, so that requests which come meanwhile wait for this connection instead of making their own.
//
// Rejected: sending a harmless request (it would count against the vault's limits and its logs), and a request that is
// cancelled before it is written (net/http does not promise that it is not).
func (o *opener) warm(ctx context.Context, u *url.URL) {
	if o.proxied(u) {
		return
	}
	address := hostPort(u)
	if !o.reserve(address) {
		return
	}
	defer o.leave(address)
	conn, err := o.dialer.secure(ctx, address)
	if err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.serverLocked(address)
	s.ready, s.readySince = conn, time.Now()
	s.separate = !speaksHTTP2(conn)
}

func (o *opener) proxied(u *url.URL) bool {
	if o.proxy == nil {
		return false
	}
	via, err := o.proxy(u)
	return via != nil || err != nil
}

// reserve takes the first request's part, unless the server is connected or somebody connects.
func (o *opener) reserve(address string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropStaleLocked()
	s := o.serverLocked(address)
	if s.connecting != nil || s.ready != nil || time.Since(s.used) < idle {
		return false
	}
	s.connecting = make(chan struct{})
	return true
}

// dropStaleLocked closes what was made ahead and never fetched; it runs when the next one is made, so that no timer is
// needed and the number of such connections stays small.
func (o *opener) dropStaleLocked() {
	for _, s := range o.servers {
		if s.ready != nil && time.Since(s.readySince) > fresh {
			_ = s.ready.Close()
			s.ready = nil
		}
	}
}

// dialTLS is how http.Transport connects to a TLS server it reaches without a proxy.
func (o *opener) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	if conn := o.takeReady(address); conn != nil {
		return conn, nil
	}
	conn, err := o.dialer.secure(ctx, address)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func (o *opener) takeReady(address string) *tls.Conn {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropStaleLocked()
	s := o.serverLocked(address)
	conn := s.ready
	s.ready = nil
	return conn
}

func (o *opener) close() {
	o.mu.Lock()
	for _, s := range o.servers {
		if s.ready != nil {
			_ = s.ready.Close()
			s.ready = nil
		}
	}
	o.mu.Unlock()
	o.base.CloseIdleConnections()
}
