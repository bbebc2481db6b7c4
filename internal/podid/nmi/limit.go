package nmi

import (
	"net"
	"net/netip"
	"sync"
)

// tally counts what each of many holds at a time, up to a bound for each.
type tally[K comparable] struct {
	most int
	mu   sync.Mutex
	held map[K]int
}

func newTally[K comparable](most int) *tally[K] { return &tally[K]{most: most, held: map[K]int{}} }

// take is false when k holds as much as it may. Otherwise give must be called once, when it is over.
func (t *tally[K]) take(k K) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[k] >= t.most {
		return false
	}
	t.held[k]++
	return true
}

func (t *tally[K]) give(k K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[k]--; t.held[k] <= 0 {
		delete(t.held, k)
	}
}

// bounded is a listener that lets each address have so many connections and closes the rest, so that one pod that opens
// them without end keeps nobody else out. The node's own programs are let be.
type bounded struct {
	net.Listener
	open *tally[netip.Addr]
}

// Accept returns the next connection that may stay.
func (b bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		from := plainAddress(at.Addr())
		if err != nil || fromHost(from) {
			return conn, nil
		}
		if b.open.take(from) {
			return &counted{Conn: conn, give: sync.OnceFunc(func() { b.open.give(from) })}, nil
		}
		_ = conn.Close() // nothing was said on it
	}
}

type counted struct {
	net.Conn
	give func()
}

// Close gives the place back.
func (c *counted) Close() error {
	defer c.give()
	return c.Conn.Close()
}
