package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"
)

const (
	// idle is how long an unused connection is kept, and so how long a server that was spoken to counts as connected.
	idle = 90 * time.Second
	// fresh is how long a connection made ahead may wait for its first request: a server may drop one that stays silent,
	// and Go does not repeat a request whose brand-new connection turns out dead.
	fresh = 10 * time.Second
	// perHost bounds the connections to one HTTP/1 server; HTTP/2 needs one.
	perHost = 64
	// maxServers bounds what is remembered of servers; beyond it what is not in use is forgotten.
	maxServers = 1024
)

// opener is the round tripper under every client. Over http.Transport it adds three things: answers are read through a
// bound; of many requests to a server nobody is connected to, one goes ahead and the others wait until it has its
// connection (else each would dial and shake hands, to find afterwards that one HTTP/2 connection serves all); and a
// connection can be made ahead of the first request.
type opener struct {
	base   *http.Transport
	dialer dialer
	proxy  func(*url.URL) (*url.URL, error) // nil for none

	mu      sync.Mutex
	servers map[string]*server // by host:port
}

// server is what is known of one TLS server. All fields are guarded by opener.mu.
type server struct {
	connecting chan struct{} // not nil while somebody connects; closed when they are done
	used       time.Time     // when a connection was last in use; zero for never
	separate   bool          // speaks HTTP/1: every concurrent request needs a connection of its own
	ready      *tls.Conn     // made ahead, not used yet
	readySince time.Time
}

func newOpener(c Config, settings *tls.Config, proxy func(*url.URL) (*url.URL, error)) *opener {
	o := &opener{
		dialer:  dialer{timeout: c.DialTimeout, tls: settings},
		proxy:   proxy,
		servers: map[string]*server{},
	}
	o.base = &http.Transport{
		DialContext:            o.dialer.tcp,
		DialTLSContext:         o.dialTLS,
		TLSClientConfig:        settings.Clone(), // for servers behind a proxy
		TLSHandshakeTimeout:    c.DialTimeout,
		ResponseHeaderTimeout:  c.HeaderTimeout,
		IdleConnTimeout:        idle,
		MaxIdleConns:           perHost,
		MaxIdleConnsPerHost:    16,
		MaxConnsPerHost:        perHost,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		// A connection whose other end vanished is found within seconds, not by the kernel's quarter of an hour.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
	if proxy != nil {
		o.base.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
	}
	return o
}

// RoundTrip implements http.RoundTripper.
func (o *opener) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return bounded(o.base.RoundTrip(req))
	}
	address := hostPort(req.URL)
	first, err := o.enter(req.Context(), address)
	if err != nil {
		return nil, err
	}
	if first {
		// Whatever becomes of the request, those behind it are let go on; the one after a failure goes first next.
		leave := sync.OnceFunc(func() { o.leave(address) })
		defer leave()
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			o.connected(address, info.Conn)
			leave()
		}}
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	}
	resp, err := o.base.RoundTrip(req)
	if err == nil {
		o.touch(address)
	}
	return bounded(resp, err)
}

// enter lets a request pass when its server is connected, makes it the first (who must call leave) when nobody
// connects, and otherwise waits. The error is the context's.
func (o *opener) enter(ctx context.Context, address string) (first bool, err error) {
	for {
		o.mu.Lock()
		s := o.serverLocked(address)
		if s.separate || time.Since(s.used) < idle {
			o.mu.Unlock()
			return false, nil
		}
		if s.connecting == nil {
			s.connecting = make(chan struct{})
			o.mu.Unlock()
			return true, nil
		}
		wait := s.connecting
		o.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func (o *opener) leave(address string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.serverLocked(address)
	if s.connecting != nil {
		close(s.connecting)
		s.connecting = nil
	}
}

// connected notes that a request has its connection.
func (o *opener) connected(address string, conn net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.serverLocked(address)
	s.used = time.Now()
	s.separate = !speaksHTTP2(conn)
}

func (o *opener) touch(address string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.serverLocked(address).used = time.Now()
}

func (o *opener) serverLocked(address string) *server {
	s := o.servers[address]
	if s != nil {
		return s
	}
	if len(o.servers) >= maxServers {
		for name, old := range o.servers {
			if old.connecting == nil && old.ready == nil {
				delete(o.servers, name)
			}
		}
	}
	s = &server{}
	o.servers[address] = s
	return s
}

func speaksHTTP2(conn net.Conn) bool {
	c, ok := conn.(*tls.Conn)
	return ok && c.ConnectionState().NegotiatedProtocol == "h2"
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
