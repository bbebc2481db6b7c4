package arm_test

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"strongroom/internal/azure/arm"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

const (
	// bearer stands for an access token; it must reach the resource manager and nobody else, no error among them.
	bearer     = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhcm0ifQ.c2lnbmF0dXJl"
	nodes      = "/subscriptions/00000000-0000-0000-0000-00000000000a/resourceGroups/mc_shop"
	identities = "/subscriptions/00000000-0000-0000-0000-00000000000a/resourcegroups/shop/providers/microsoft.managedidentity/userassignedidentities/"
	client     = "33333333-3333-3333-3333-333333333333"
	object     = "44444444-4444-4444-4444-444444444444"
)

var (
	vm   = arm.Resource{Subscription: "00000000-0000-0000-0000-00000000000a", Group: "mc_shop", Name: "node-1", Kind: arm.VirtualMachine}
	pool = arm.Resource{Subscription: "00000000-0000-0000-0000-00000000000a", Group: "mc_shop", Name: "pool", Kind: arm.ScaleSet}
)

// call is a request that reached the server.
type call struct {
	*http.Request
	body string
}

// server records the requests that reach it and answers as told.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	calls   []call
	refused []string
	answer  http.HandlerFunc
}

func serve(t testing.TB, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{answer: answer}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, call{r, string(body)})
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// only is the one request that was made.
func (s *server) only(t *testing.T) call {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) != 1 {
		t.Fatalf("%d requests, want exactly one", len(s.calls))
	}
	return s.calls[0]
}

func (s *server) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// client is one that trusts the server and has a token.
func (s *server) client(t testing.TB, mutate ...func(*arm.Config)) *arm.Client {
	t.Helper()
	ways, err := transport.New(transport.Config{CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ways.Close)
	c := arm.Config{HTTP: ways.Azure, Endpoint: s.URL, Clock: clock.NewFake(), Version: "test",
		Token:   func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(bearer)), nil },
		Refused: func(v secret.Value) { s.refused = append(s.refused, string(v.Reveal())) }}
	for _, change := range mutate {
		change(&c)
	}
	return arm.New(c)
}

// says answers with a status and a body; headers are "Name: value".
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, strings.ReplaceAll(value, "{home}", "https://"+r.Host))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// errorBody is a refusal as the resource manager writes it.
func errorBody(code, message string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	return `{"error":{"code":"` + code + `","message":"` + quote.Replace(message) + `"}}`
}

// on is what a machine has, by names of identities.
func on(kind string, names ...string) arm.Held {
	h := arm.Held{Type: kind, ProvisioningState: "Succeeded", Identities: map[string]arm.HeldIdentity{}}
	for _, name := range names {
		h.Identities[identities+name] = arm.HeldIdentity{ClientID: "c-" + name, PrincipalID: "p-" + name}
	}
	return h
}

// ids spells names of identities as resource ids.
func ids(names ...string) []string {
	var list []string
	for _, name := range names {
		list = append(list, identities+name)
	}
	return list
}
