// Package bound keeps what many share from being taken up by one of them.
package bound

import (
	"net"
	"net/netip"
	"sync"
)

// Tally counts what each of many holds at a time, up to a bound for each. Use NewTally.
type Tally[K comparable] struct {
	most int
	mu   sync.Mutex
	held map[K]int
}

// NewTally lets each hold so much at a time.
func NewTally[K comparable](most int) *Tally[K] { return &Tally[K]{most: most, held: map[K]int{}} }

// Take is false when k holds as much as it may. Otherwise Give must be called once, when it is over.
func (t *Tally[K]) Take(k K) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[k] >= t.most {
		return false
	}
	t.held[k]++
	return true
}

// Give gives back what Take took.
func (t *Tally[K]) Give(k K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[k]--; t.held[k] <= 0 {
		delete(t.held, k)
	}
}

// PerAddress is a listener that lets each address have as many connections as the tally says and closes the rest, so that
// a pod that opens them without end keeps nobody else out. A bound on all of them together would do just that. Listeners
// may share a tally. Nil exempt exempts nobody.
func PerAddress(lis net.Listener, open *Tally[netip.Addr], exempt func(netip.Addr) bool) net.Listener {
	if exempt == nil {
		exempt = func(netip.Addr) bool { return false }
	}
	return bounded{lis, open, exempt}
}

type bounded struct {
	net.Listener
	open   *Tally[netip.Addr]
	exempt func(netip.Addr) bool
}

// Accept returns the next connection that may stay.
func (b bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		from := Plain(at.Addr())
		if err != nil || b.exempt(from) {
			return conn, nil
		}
		if b.open.Take(from) {
			return &counted{Conn: conn, give: sync.OnceFunc(func() { b.open.Give(from) })}, nil
		}
		_ = conn.Close() // nothing was said on it
	}
}

// Plain is an address as one spells it: an IPv4 address inside of an IPv6 one comes out, and a zone goes.
func Plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

type counted struct {
	net.Conn
	give func()
}

// Close gives the place back.
func (c *counted) Close() error {
	defer c.give()
	return c.Conn.Close()
}
