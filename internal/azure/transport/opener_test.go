package transport_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"strongroom/internal/azure/transport"

	"golang.org/x/sync/errgroup"
)

func TestManyColdRequestsShakeHandsOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"vault.localhost"})
	client := open(t, transport.Config{CA: s.ca}).Azure
	var group errgroup.Group
	for range 50 {
		group.Go(func() error {
			_, _, err := get(client, s.address("vault.localhost"))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n, m := s.connections.Load(), s.requests.Load(); n != 1 || m != 50 {
		t.Errorf("%d connections for %d requests", n, m)
	}
}

// A server of HTTP/1 gets a connection per concurrent request: no request may wait for another's answer.
func TestHTTP1RequestsRunBesideEachOther(t *testing.T) {
	t.Parallel()
	const together = 8
	var all sync.WaitGroup
	all.Add(together)
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		all.Done()
		all.Wait()
	}, []string{"vault.localhost"}, http1)
	client := open(t, transport.Config{CA: s.ca}).Azure
	var group errgroup.Group
	for range together {
		group.Go(func() error {
			_, _, err := get(client, s.address("vault.localhost"))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestAFailedFirstRequestLetsTheNextTry(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "https://" + l.Addr().String()
	_ = l.Close()
	client := open(t, transport.Config{}).Azure
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, _, err := get(client, address); err == nil {
				t.Error("a closed port answered")
			}
		})
	}
	group.Wait()
}

func TestAWaitingRequestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	// A listener that takes connections and says nothing keeps the first request in its handshake.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	client := open(t, transport.Config{}).Azure
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+silent.Addr().String(), nil)
			if _, err := client.Do(req); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	if conn, err := silent.Accept(); err == nil {
		defer conn.Close()
	}
	cancel()
	group.Wait()
}

func TestWarm(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]option{"HTTP/2": nil, "HTTP/1": {http1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, hello, []string{"vault.localhost"}, options...)
			clients := open(t, transport.Config{CA: s.ca})
			for range 3 {
				clients.Warm(t.Context(), s.address("vault.localhost"))
			}
			if n, m := s.connections.Load(), s.requests.Load(); n != 1 || m != 0 {
				t.Fatalf("warm: %d connections, %d requests", n, m)
			}
			for range 3 {
				if _, body, err := get(clients.Azure, s.address("vault.localhost")); err != nil || body != "hello" {
					t.Fatalf("got %q, %v", body, err)
				}
			}
			clients.Warm(t.Context(), s.address("vault.localhost"))
			if n := s.connections.Load(); n != 1 {
				t.Errorf("%d connections in the end", n)
			}
		})
	}
}

func TestRequestsWaitForTheWarmConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"vault.localhost"})
	clients := open(t, transport.Config{CA: s.ca})
	var group errgroup.Group
	group.Go(func() error { clients.Warm(t.Context(), s.address("vault.localhost")); return nil })
	for range 10 {
		group.Go(func() error {
			_, _, err := get(clients.Azure, s.address("vault.localhost"))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := s.connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestWarmHarmless(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, []string{"vault.localhost"})
	p := proxyTo(t, s)
	open(t, transport.Config{CA: s.ca, HTTPSProxy: p.address}).Warm(t.Context(), s.address("vault.localhost"))
	clients := open(t, transport.Config{CA: s.ca})
	for _, address := range []string{"", "http://vault.localhost", "https://", "::", "https://127.0.0.1:1"} {
		clients.Warm(t.Context(), address)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	clients.Warm(ctx, s.address("vault.localhost"))
	if n, m := s.connections.Load(), p.asked.Load(); n != 0 || m != 0 {
		t.Errorf("%d connections, proxy asked %d times", n, m)
	}
	if _, _, err := get(clients.Azure, s.address("vault.localhost")); err != nil {
		t.Errorf("after a warming that failed: %v", err)
	}
}
