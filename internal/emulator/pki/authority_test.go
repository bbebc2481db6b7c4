package pki_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator/pki"
	"strongroom/internal/fault"
)

func newAuthority(t *testing.T) *pki.Authority {
	t.Helper()
	authority, err := pki.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// handshake runs one TLS handshake over a pipe and gives the client's view of it.
func handshake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		_ = tls.Server(far, server).Handshake()
	}()
	conn := tls.Client(near, client)
	err := conn.Handshake()
	state := conn.ConnectionState()
	near.Close()
	<-done
	return state, err
}

func TestServesAllowedNamesUnderItsOwnRoot(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	config := authority.ServerConfig(func(name string) bool { return name == "kv.vault.azure.localhost" })
	for _, spelling := range []string{"kv.vault.azure.localhost", "KV.vault.azure.localhost"} {
		state, err := handshake(t, config, &tls.Config{RootCAs: authority.Pool(), ServerName: spelling, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatalf("%s: %v", spelling, err)
		}
		if state.NegotiatedProtocol != "h2" {
			t.Errorf("%s: negotiated %q, want h2", spelling, state.NegotiatedProtocol)
		}
	}
}

func TestRefusesEveryOtherName(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	config := authority.ServerConfig(func(string) bool { return false })
	_, err := handshake(t, config, &tls.Config{RootCAs: authority.Pool(), ServerName: "bank.example"})
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Fatalf("got %v, want the unrecognized name alert", err)
	}
}

func TestMintsMoreNamesThanItKeeps(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	config := authority.ServerConfig(func(string) bool { return true })
	for i := range 600 {
		name := fmt.Sprintf("v%d.vault.azure.localhost", i)
		if cert, err := config.GetCertificate(&tls.ClientHelloInfo{ServerName: name}); err != nil || cert.Leaf.VerifyHostname(name) != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func TestTheRootSurvivesARestart(t *testing.T) {
	t.Parallel()
	before := newAuthority(t)
	stored, err := before.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	after, err := pki.Load(stored, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	config := after.ServerConfig(func(string) bool { return true })
	if _, err := handshake(t, config, &tls.Config{RootCAs: before.Pool(), ServerName: "login.azure.localhost"}); err != nil {
		t.Fatalf("a client that trusts the first root: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	stored, err := newAuthority(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	late := func() time.Time { return time.Now().AddDate(11, 0, 0) }
	for name, test := range map[string]struct {
		stored []byte
		now    func() time.Time
		kind   fault.Kind
	}{
		"rubbish":         {[]byte("rubbish"), time.Now, fault.Invalid},
		"no key":          {newAuthority(t).PEM(), time.Now, fault.Invalid},
		"an expired root": {stored, late, fault.Expired},
	} {
		if _, err := pki.Load(test.stored, test.now); fault.KindOf(err) != test.kind || err == nil {
			t.Errorf("%s: got %v, want kind %s", name, err, test.kind)
		}
	}
}
