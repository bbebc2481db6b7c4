package keyvault_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// bearer stands for an access token; it must reach the vault and nobody else, no error among them.
const bearer = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ2YXVsdCJ9.c2lnbmF0dXJl"

var token = secret.NewValue([]byte(bearer))

// server records the requests that reach it and answers as told.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []*http.Request
	answer http.HandlerFunc
}

func serve(t testing.TB, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{answer: answer}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r)
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// only is the one request that was made.
func (s *server) only(t *testing.T) *http.Request {
	t.Helper()
	seen := s.requests()
	if len(seen) != 1 {
		t.Fatalf("%d requests, want exactly one", len(seen))
	}
	return seen[0]
}

// says answers with a status and a body; headers are "Name: value".
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// problem is a refusal as Key Vault writes it.
func problem(code, inner, message string) string {
	e := map[string]any{"code": code, "message": message}
	if inner != "" {
		e["innererror"] = map[string]string{"code": inner}
	}
	b, _ := json.Marshal(map[string]any{"error": e})
	return string(b)
}

// vaultOf makes a client that trusts the servers, and the first one's vault.
func vaultOf(t testing.TB, servers ...*server) (*keyvault.Client, keyvault.Vault) {
	t.Helper()
	var ca []byte
	for _, s := range servers {
		ca = append(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})...)
	}
	ways, err := transport.New(transport.Config{CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ways.Close)
	vault, err := keyvault.ParseVault(servers[0].URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	return keyvault.New(keyvault.Config{HTTP: ways.Azure, Version: "1.2.3", UserAgentSuffix: "shop", Clock: clock.NewFake(), MaxPages: 5}), vault
}

// refused checks an error's kind, that it is one line and free of the token, and gives its text with the remedy.
func refused(t *testing.T, err error, kind fault.Kind, parts ...string) {
	t.Helper()
	text := fault.Explain(err)
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("kind %s, want %s: %s", fault.KindOf(err), kind, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %q", part, text)
		}
	}
	if strings.ContainsAny(text, "\r\n") || strings.Contains(text, bearer[:20]) || strings.Contains(text, "hidden") {
		t.Errorf("too much in %q", text)
	}
}
