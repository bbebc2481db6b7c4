package telemetry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/telemetry"
)

// run serves until the test ends and gives the base URL.
func run(t *testing.T, server *telemetry.Server) string {
	t.Helper()
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + server.Addr()
}

// get fetches on a connection of its own.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestMetricsAreServedAndNothingElse(t *testing.T) {
	t.Parallel()
	base := run(t, telemetry.NewServer("metrics", "127.0.0.1:0", telemetry.Mux("/metrics", telemetry.NewMetrics("x").Handler())))
	if code, body := get(t, base+"/metrics"); code != 200 || !strings.Contains(body, "go_goroutines") {
		t.Errorf("HTTP %d", code)
	}
	for _, path := range []string{"/", "/debug/pprof/", "/metrics/x"} {
		if code, _ := get(t, base+path); code != 404 {
			t.Errorf("%s: HTTP %d, want 404", path, code)
		}
	}
}

func TestProfilerIsServedOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	server := telemetry.NewProfiler(0)
	base := run(t, server)
	if !strings.HasPrefix(server.Addr(), "127.0.0.1:") {
		t.Errorf("listens on %s", server.Addr())
	}
	if code, body := get(t, base+"/debug/pprof/"); code != 200 || !strings.Contains(body, "goroutine") {
		t.Errorf("HTTP %d", code)
	}
}

func TestPortClashIsAnErrorAtStart(t *testing.T) {
	t.Parallel()
	first := telemetry.NewServer("health", "127.0.0.1:0", http.NotFoundHandler())
	run(t, first)
	second := telemetry.NewServer("health", first.Addr(), http.NotFoundHandler())
	if err := second.Run(t.Context()); fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), first.Addr()) || len(fault.Remedies(err)) == 0 {
		t.Errorf("got %v, want an error naming the address and a remedy", err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	well := telemetry.Check{Name: "socket", Run: func(context.Context) error { return nil }}
	ill := telemetry.Check{Name: "class cache", Run: func(context.Context) error {
		return fault.New(fault.Unavailable, "API server", "does not answer").Mend("wait")
	}}
	slow := telemetry.Check{Name: "provider", Run: func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("not in time")
	}}
	tests := map[string]struct {
		checks []telemetry.Check
		code   int
		body   string
	}{
		"nothing to check": {nil, 200, "ok"},
		"well":             {[]telemetry.Check{well}, 200, "ok"},
		"one is ill":       {[]telemetry.Check{well, ill}, 503, "class cache: API server: does not answer; to mend: wait\n"},
		"one hangs":        {[]telemetry.Check{well, slow}, 503, "provider: not in time\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			telemetry.Health(20*time.Millisecond, test.checks...).ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
			if w.Code != test.code || w.Body.String() != test.body {
				t.Errorf("HTTP %d %q, want %d %q", w.Code, w.Body.String(), test.code, test.body)
			}
		})
	}
}
