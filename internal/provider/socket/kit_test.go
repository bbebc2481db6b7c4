package socket_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
	"strongroom/internal/secret"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(strangerEnv); path != "" {
		os.Exit(stranger(path))
	}
	goleak.VerifyTestMain(m)
}

// providerFunc is a provider of one function.
type providerFunc func(context.Context, provider.Request) (provider.Response, error)

func (f providerFunc) Mount(ctx context.Context, req provider.Request) (provider.Response, error) {
	return f(ctx, req)
}

// answering is a provider that always gives the same.
func answering(resp provider.Response) provider.Provider {
	return providerFunc(func(context.Context, provider.Request) (provider.Response, error) { return resp, nil })
}

// oneFile is the smallest sensible answer.
func oneFile(contents string) provider.Response {
	return provider.Response{
		Files:    []secret.File{{Path: "db", Mode: 0o640, Contents: secret.NewValue([]byte(contents))}},
		Versions: []secret.Version{{ID: "secret/db", Version: "v1"}},
	}
}

// contentsOf is what oneFile was made of.
func contentsOf(t *testing.T, resp provider.Response) string {
	t.Helper()
	if len(resp.Files) != 1 {
		t.Fatalf("got %d files, want 1", len(resp.Files))
	}
	return string(resp.Files[0].Contents.Reveal())
}

// shortDir is a directory whose path leaves room for a socket's 107 bytes, which t.TempDir with a long test name does not.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// serve runs a server on azure.sock in a directory of its own until the test ends, and gives the socket's path.
func serve(t *testing.T, cfg socket.ServerConfig) string {
	t.Helper()
	if cfg.Socket == "" {
		cfg.Socket = filepath.Join(shortDir(t), "azure.sock")
	}
	start(t, cfg)
	return cfg.Socket
}

// start runs a server; stop ends it and waits. It is stopped at the test's end at the latest.
func start(t *testing.T, cfg socket.ServerConfig) (stop func()) {
	t.Helper()
	server, err := socket.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// upstream is a client as somebody else's driver has it: the generated code and the authority, nothing of ours.
func upstream(t *testing.T, path string) (api.CSIDriverProviderClient, *grpc.ClientConn) {
	t.Helper()
	cc, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("localhost"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return api.NewCSIDriverProviderClient(cc), cc
}

// mountRequest is the request somebody else's driver sends.
func mountRequest() *api.MountRequest {
	return &api.MountRequest{
		Attributes: `{"csi.storage.k8s.io/pod.name":"web-0","csi.storage.k8s.io/pod.namespace":"shop","keyvaultName":"kv"}`,
		Secrets:    "null",
		TargetPath: "/var/lib/kubelet/pods/1/volumes/x/mount",
		Permission: "420",
	}
}

// thirdParty is a provider as others write them, served by plain gRPC on <name>.sock in a directory of its own. It
// refuses every authority but localhost, as some do.
type thirdParty struct {
	api.UnimplementedCSIDriverProviderServer
	mount func(context.Context, *api.MountRequest) (*api.MountResponse, error)
}

func (p thirdParty) Mount(ctx context.Context, in *api.MountRequest) (*api.MountResponse, error) {
	if err := authorityIsLocalhost(ctx); err != nil {
		return nil, err
	}
	return p.mount(ctx, in)
}

func (p thirdParty) serve(t *testing.T, name string) (dir string, server *grpc.Server) {
	t.Helper()
	dir = shortDir(t)
	lis, err := net.Listen("unix", filepath.Join(dir, name+".sock"))
	if err != nil {
		t.Fatal(err)
	}
	server = grpc.NewServer()
	api.RegisterCSIDriverProviderServer(server, p)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(lis)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
	return dir, server
}

// named gives the provider of a name, from a directory client that is closed with the test.
func named(t *testing.T, name string, cfg socket.Config) provider.Provider {
	t.Helper()
	directory := socket.New(cfg)
	t.Cleanup(func() { _ = directory.Close() })
	p, err := directory.Provider(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
