// Package relay is the emulator's CONNECT proxy: the way in for programs that cannot be told where the emulator is, and
// know only HTTPS_PROXY and a CA file. It joins a tunnel to the emulator's TLS listener for the names the emulator
// plays, and refuses every other name, so that a program under test cannot reach anything else through it.
//
// It never resolves a name and never connects anywhere but to the one address it was given.
package relay

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config shapes a Relay. Both fields are required.
type Config struct {
	// Allow says whether a host (with port) is one of the emulator's.
	Allow func(host string) bool
	// Dial connects to the emulator's TLS listener.
	Dial func(ctx context.Context) (net.Conn, error)
}

// Relay is the proxy's handler. Tunnels outlive the server that handed them over, so Close ends them.
type Relay struct {
	config Config

	mu      sync.Mutex
	closed  bool
	tunnels map[*tunnel]struct{}
	running sync.WaitGroup
}

// New makes a Relay; it starts nothing.
func New(c Config) *Relay { return &Relay{config: c, tunnels: map[*tunnel]struct{}{}} }

// ServeHTTP joins the client to the emulator, or says why not. The tunnel lives on the handler's goroutine.
func (p *Relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodConnect:
		http.Error(w, "this is the emulator's proxy: it takes CONNECT for https, and nothing else", http.StatusMethodNotAllowed)
		return
	case !p.config.Allow(r.Host):
		http.Error(w, "the emulator does not play "+r.Host+" and connects nobody elsewhere", http.StatusForbidden)
		return
	}
	far, err := p.config.Dial(r.Context())
	if err != nil {
		http.Error(w, "the emulator's TLS listener cannot be reached", http.StatusBadGateway)
		return
	}
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		http.Error(w, "CONNECT needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	t := &tunnel{near: near, far: far, early: buffered.Reader}
	if p.enter(t) {
		defer p.leave(t)
		t.run()
	}
}

// Close ends every tunnel and waits for them; further ones are refused.
func (p *Relay) Close() {
	p.mu.Lock()
	p.closed = true
	for t := range p.tunnels {
		t.close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *Relay) enter(t *tunnel) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		t.close()
		return false
	}
	p.tunnels[t] = struct{}{}
	p.running.Add(1)
	return true
}

func (p *Relay) leave(t *tunnel) {
	p.mu.Lock()
	delete(p.tunnels, t)
	p.mu.Unlock()
	p.running.Done()
}

// tunnel is two connections whose bytes are copied into one another until either ends.
type tunnel struct {
	near, far net.Conn
	early     *bufio.Reader // what the client sent ahead of the answer
}

const established = "HTTP/1.1 200 Connection Established\r\n\r\n"

func (t *tunnel) run() {
	defer t.close()
	_ = t.near.SetDeadline(time.Time{})
	if _, err := io.WriteString(t.near, established); err != nil {
		return
	}
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		_, _ = io.Copy(t.near, t.far)
		t.close()
	}()
	_, _ = io.Copy(t.far, t.early)
	t.close()
	<-returned
}

// close is safe to call twice; the copying ends with it.
func (t *tunnel) close() {
	_ = t.near.Close()
	_ = t.far.Close()
}
