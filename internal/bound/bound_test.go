package bound

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dial opens a connection from one of this machine's addresses.
func dial(t *testing.T, to net.Addr, from string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", to.String())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	return conn
}

// hears is whether the connection was accepted; it is closed unsaid where not.
func hears(t *testing.T, conn net.Conn) bool {
	t.Helper()
	greeting := make([]byte, 1)
	_, err := io.ReadFull(conn, greeting)
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		t.Fatal("neither accepted nor closed")
	}
	return err == nil
}

// One address has so many connections at all listeners of a tally together; others have theirs, and a place that is given
// back is taken anew.
func TestAnAddressHasSoManyConnections(t *testing.T) {
	t.Parallel()
	open := NewTally[netip.Addr](2)
	closed := make(chan struct{}, 16)
	var at []net.Addr
	for range 2 {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		free := netip.MustParseAddr("127.0.3.9")
		lis = PerAddress(lis, open, func(a netip.Addr) bool { return a == free })
		at = append(at, lis.Addr())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				conn, err := lis.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = conn.Write([]byte("+"))
					_, _ = io.Copy(io.Discard, conn)
					_, _ = conn.Close(), conn.Close() // the second gives nothing back
					closed <- struct{}{}
				}()
			}
		}()
		t.Cleanup(func() { _ = lis.Close(); <-ended })
	}
	first := dial(t, at[0], "127.0.3.1")
	if !hears(t, first) || !hears(t, dial(t, at[1], "127.0.3.1")) {
		t.Fatal("refused within the bound")
	}
	for _, one := range at {
		if hears(t, dial(t, one, "127.0.3.1")) {
			t.Error("accepted beyond the bound")
		}
		if !hears(t, dial(t, one, "127.0.3.2")) {
			t.Error("another address was kept out")
		}
		for range 5 {
			if !hears(t, dial(t, one, "127.0.3.9")) {
				t.Error("refused where nothing is bounded")
			}
		}
	}
	must(t, first.Close())
	<-closed
	if !hears(t, dial(t, at[1], "127.0.3.1")) {
		t.Error("a place that was given back is lost")
	}
	if hears(t, dial(t, at[0], "127.0.3.1")) {
		t.Error("closing twice gave two places back")
	}
}

func TestATallyForgetsWhoHoldsNothing(t *testing.T) {
	t.Parallel()
	tally := NewTally[string](1)
	if !tally.Take("a") || tally.Take("a") || !tally.Take("b") {
		t.Error("one each")
	}
	tally.Give("a")
	tally.Give("b")
	if len(tally.held) != 0 {
		t.Errorf("remembered: %v", tally.held)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"::ffff:10.0.0.1": "10.0.0.1", "fe80::1%eth0": "fe80::1", "10.0.0.1": "10.0.0.1"} {
		if got := Plain(netip.MustParseAddr(text)); got.String() != want {
			t.Errorf("%s became %s", text, got)
		}
	}
}
