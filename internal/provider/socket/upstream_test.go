package socket_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
	"strongroom/internal/telemetry"
)

// retrying is the service config with which drivers in use repeat a call by themselves.
const retrying = `{"methodConfig":[{"name":[{"service":"v1alpha1.CSIDriverProvider"}],"waitForReady":true,
	"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.001s","maxBackoff":"0.01s","backoffMultiplier":1.1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// TestDriversThatRepeatCallsAreToldNotTo: an outage of the vault must not be asked after three times by each volume.
func TestDriversThatRepeatCallsAreToldNotTo(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	path := serve(t, socket.ServerConfig{Provider: providerFunc(func(context.Context, provider.Request) (provider.Response, error) {
		asked.Add(1)
		return provider.Response{}, fault.New(fault.Unavailable, "vault kv", "does not answer")
	})})
	cc, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(retrying))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cc.Close() }()
	if _, err := api.NewCSIDriverProviderClient(cc).Mount(t.Context(), mountRequest()); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

func TestOurClientAsksOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	dir, _ := thirdParty{mount: func(context.Context, *api.MountRequest) (*api.MountResponse, error) {
		asked.Add(1)
		return nil, status.Error(codes.Unavailable, "later")
	}}.serve(t, "other")
	if _, err := named(t, "other", socket.Config{Dirs: []string{dir}}).Mount(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// TestHealthEndpoint is how a provider's health page is put together: it asks over the provider's own socket.
func TestHealthEndpoint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "azure.sock")
	page := telemetry.Health(5*time.Second, telemetry.Check{Name: "socket", Run: func(ctx context.Context) error { return socket.Probe(ctx, path) }})
	probe := func() int {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		return w.Code
	}
	if code := probe(); code != 503 {
		t.Errorf("before the provider serves: HTTP %d, want 503", code)
	}
	stop := start(t, socket.ServerConfig{Socket: path, Provider: answering(oneFile("x"))})
	if code := probe(); code != 200 {
		t.Errorf("while it serves: HTTP %d, want 200", code)
	}
	stop()
	if code := probe(); code != 503 {
		t.Errorf("after it stopped: HTTP %d, want 503", code)
	}
}
