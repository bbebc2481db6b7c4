package socket

import (
	"errors"
	"io/fs"
	"os"
	"sync"

	"google.golang.org/grpc/connectivity"

	"strongroom/internal/fault"
)

// pool keeps one connection per provider name. A connection whose socket file was replaced, or which is broken, makes
// room for a new one at once and ends when its last call has.
type pool struct {
	mu     sync.Mutex
	conns  map[string]*conn
	closed bool
}

// acquire gives the connection to the socket that stands at path now; the caller releases it. It does not wait for it
// to be up.
func (p *pool) acquire(name, path string, file fs.FileInfo, cfg Config) (*conn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "", "the driver is shutting down")
	}
	if c := p.conns[name]; c != nil && c.leadsTo(path, file) {
		c.users++
		p.mu.Unlock()
		return c, nil
	}
	fresh, err := newConn(path, file, cfg)
	if err != nil {
		p.mu.Unlock()
		return nil, err
	}
	idle := p.retireLocked(name)
	fresh.users = 1
	p.conns[name] = fresh
	p.mu.Unlock()
	idle.end()
	return fresh, nil
}

// release ends a call's use of a connection.
func (p *pool) release(c *conn) {
	p.mu.Lock()
	c.users--
	last := c.retired && c.users == 0
	p.mu.Unlock()
	if last {
		c.end()
	}
}

// forget drops the connection of a name whose socket is gone.
func (p *pool) forget(name string) {
	p.mu.Lock()
	idle := p.retireLocked(name)
	p.mu.Unlock()
	idle.end()
}

// retireLocked takes a name's connection out and returns it if nobody uses it.
func (p *pool) retireLocked(name string) *conn {
	c := p.conns[name]
	if c == nil {
		return nil
	}
	delete(p.conns, name)
	c.retired = true
	if c.users > 0 {
		return nil
	}
	return c
}

// close ends every connection, used or not.
func (p *pool) close() error {
	p.mu.Lock()
	conns := p.conns
	p.conns, p.closed = map[string]*conn{}, true
	p.mu.Unlock()
	var errs []error
	for _, c := range conns {
		errs = append(errs, c.cc.Close())
	}
	return errors.Join(errs...)
}

// leadsTo reports whether the connection still goes where path leads. Inode numbers are used again, but not while a
// connection lives: it holds the inode of the socket it was made through.
func (c *conn) leadsTo(path string, file fs.FileInfo) bool {
	state := c.cc.GetState()
	return c.path == path && os.SameFile(c.file, file) && state != connectivity.TransientFailure && state != connectivity.Shutdown
}
