package telemetry

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// No client may draw anything out for ever; whoever takes a profile has as long as they ask for.
func TestEveryServerIsBounded(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Server{"metrics": NewServer("metrics", ":0", http.NotFoundHandler()), "profiler": NewProfiler(0)} {
		b := s.bounded()
		for what, d := range map[string]time.Duration{"header": b.ReadHeaderTimeout, "request": b.ReadTimeout, "answer": b.WriteTimeout, "idle": b.IdleTimeout} {
			if d <= 0 || name != "profiler" && d > time.Minute {
				t.Errorf("%s: %s of %v", name, what, d)
			}
		}
		if b.MaxHeaderBytes <= 0 || b.MaxHeaderBytes > 64<<10 {
			t.Errorf("%s: headers of %d bytes", name, b.MaxHeaderBytes)
		}
	}
}

// A pod that opens connections without end to the metrics or the health port keeps neither scraper nor kubelet out, and a
// header without end is refused.
func TestOneAddressDoesNotStarveOthers(t *testing.T) {
	t.Parallel()
	s := NewServer("health", "127.0.0.1:0", Mux("/healthz", Health(0)))
	must(t, s.Listen())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	dial := func(from string) net.Conn {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", s.Addr())
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		return conn
	}
	ask := func(conn net.Conn, more string) (int, error) {
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n"+more+"\r\n"); err != nil {
			return 0, err
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, errors.Join(err, answer.Body.Close())
	}
	for n := range connections {
		if code, err := ask(dial("127.0.4.1"), ""); code != 200 {
			t.Fatalf("the connection %d of the address: HTTP %d, %v", n, code, err)
		}
	}
	if code, err := ask(dial("127.0.4.1"), ""); err == nil {
		t.Errorf("one more than the bound: HTTP %d", code)
	}
	if code, err := ask(dial("127.0.4.2"), ""); code != 200 {
		t.Errorf("another address: HTTP %d, %v", code, err)
	}
	if code, err := ask(dial("127.0.4.3"), "X: "+strings.Repeat("x", 32<<10)+"\r\n"); code != 431 && err == nil {
		t.Errorf("a header of 32 KiB: HTTP %d", code)
	}
}
