package socket_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
)

func TestPanicsEndOneCallOnly(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	path := serve(t, socket.ServerConfig{
		Log: slog.New(slog.NewTextHandler(&log, nil)),
		Provider: providerFunc(func(_ context.Context, req provider.Request) (provider.Response, error) {
			panic("planted-value of " + req.Target)
		}),
	})
	client, _ := upstream(t, path)
	for range 2 {
		if _, err := client.Mount(t.Context(), mountRequest()); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "planted") {
			t.Errorf("got %v, want Internal without the panic's value", err)
		}
	}
	if text := log.String(); strings.Contains(text, "planted") || !strings.Contains(text, "observe_test.go") || !strings.Contains(text, "panic=string") {
		t.Errorf("log wants the place and the type, not the value:\n%.1000s", text)
	}
}

func TestOneLinePerMountWithoutSecrets(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	meter := &meter{}
	path := serve(t, socket.ServerConfig{
		Log:      slog.New(slog.NewTextHandler(&log, nil)),
		Meter:    meter,
		Provider: answering(oneFile("planted-in-vault")),
	})
	client, _ := upstream(t, path)
	in := mountRequest()
	in.Attributes = `{"csi.storage.k8s.io/pod.name":"web-0","csi.storage.k8s.io/pod.namespace":"shop","csi.storage.k8s.io/serviceAccount.tokens":"planted-token"}`
	in.Secrets = `{"clientsecret":"planted-secret"}`
	if _, err := client.Mount(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := socket.Probe(t.Context(), path); err != nil { // and not a line of it
		t.Fatal(err)
	}
	text := log.String()
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, "pod=shop/web-0") || !strings.Contains(text, "code=OK") || strings.Contains(text, "planted") {
		t.Errorf("log:\n%s", text)
	}
	if got := strings.Join(meter.seen(), " "); got != "/v1alpha1.CSIDriverProvider/Mount:OK /grpc.health.v1.Health/Check:OK" {
		t.Errorf("counted %s", got)
	}
}

// safeBuffer is a log that a server writes while the test reads.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// meter remembers what was counted.
type meter struct {
	mu    sync.Mutex
	calls []string
}

func (m *meter) ServedRPC(method, code string, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, method+":"+code)
}

func (m *meter) seen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.calls...)
}
