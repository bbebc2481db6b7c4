package token_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

const (
	tenant   = "11111111-1111-1111-1111-111111111111"
	clientID = "22222222-2222-2222-2222-222222222222"
	vault    = "https://vault.azure.net"
	// jwt stands for every credential and token that must not show up anywhere.
	jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJl"
)

// server records the requests that reach it and answers as told.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []*http.Request
	forms  []string // bodies
	answer func(http.ResponseWriter, *http.Request)
}

func record(answer func(http.ResponseWriter, *http.Request)) *server {
	s := &server{answer: answer}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, r)
		s.forms = append(s.forms, string(body))
		s.mu.Unlock()
		s.answer(w, r)
	}))
	return s
}

// secure starts a TLS server, as the token authority is one; plain a server as IMDS and NMI are.
func secure(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *server {
	s := record(answer)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func plain(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *server {
	s := record(answer)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *server) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// only is the one request that was made.
func (s *server) only(t *testing.T) (*http.Request, string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) != 1 {
		t.Fatalf("%d requests, want exactly one", len(s.seen))
	}
	return s.seen[0], s.forms[0]
}

// says answers with a status and a body; headers are "Name: value".
func says(status int, body string, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const goodToken = `{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"access_token":"the.access.token"}`

// newClient makes a client that trusts the TLS server, if there is one, and takes the plain one for IMDS and NMI.
func newClient(t *testing.T, authority, node *server) (*token.Client, *clock.Fake) {
	t.Helper()
	c := transport.Config{}
	if authority != nil {
		c.CA = authority.ca()
	}
	ways, err := transport.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ways.Close)
	now := clock.NewFake()
	config := token.Config{HTTP: ways.Azure, Direct: ways.Direct, Clock: now, IMDS: "http://127.0.0.1:1", NMI: "http://127.0.0.1:1", Version: "test", UserAgentSuffix: "shop"}
	if node != nil {
		config.IMDS, config.NMI = node.URL, node.URL+"/"
	}
	return token.New(config), now
}

func target(s *server) token.Target {
	return token.Target{Authority: s.URL, Tenant: tenant, ClientID: clientID, Resource: vault}
}

func serviceAccount() token.Assertion {
	return token.Assertion{
		Raw:      secret.NewValue([]byte(jwt)),
		Issuer:   "https://oidc.example.com/cluster/",
		Subject:  "system:serviceaccount:shop:web",
		Audience: "api://AzureADTokenExchange",
	}
}

func checkToken(t *testing.T, got token.Token, err error, now time.Time, life, refresh time.Duration, client string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Value.Reveal()) != "the.access.token" || got.ClientID != client {
		t.Errorf("token of %q, %d bytes", got.ClientID, got.Value.Len())
	}
	if d := got.ExpiresOn.Sub(now); d != life {
		t.Errorf("expires in %s, want %s", d, life)
	}
	if d := got.RefreshOn.Sub(now); d != refresh {
		t.Errorf("refresh in %s, want %s", d, refresh)
	}
}
