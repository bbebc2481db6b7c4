package incumbent_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"strongroom/internal/clock"
	"strongroom/internal/csi"
	"strongroom/internal/fault"
	"strongroom/internal/incumbent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const driver = "secrets-store.csi.k8s.io"

// place is the path of a CSI socket, short enough to be one.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "inc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "csi.sock")
}

// foreign is another program's driver.
type foreign struct {
	spec.UnimplementedIdentityServer
	name, version string
}

func (f foreign) GetPluginInfo(context.Context, *spec.GetPluginInfoRequest) (*spec.GetPluginInfoResponse, error) {
	return &spec.GetPluginInfoResponse{Name: f.name, VendorVersion: f.version}, nil
}

func (f foreign) serve(t *testing.T, socket string) (stop func()) {
	t.Helper()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	spec.RegisterIdentityServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// predecessor is a Strongroom that serves already.
func predecessor(t *testing.T, socket string) (stop func()) {
	t.Helper()
	server := csi.Server{Name: driver, Version: "1.2.3", Endpoint: "unix://" + socket}
	listener, err := csi.Listen(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestWhoHoldsThePlace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hold func(t *testing.T, socket string) (stop func())
		want string // of Explain; empty when the place is free
		kind fault.Kind
	}{
		"nobody": {hold: func(*testing.T, string) func() { return func() {} }},
		"a dead process's socket": {hold: func(t *testing.T, socket string) func() {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			_ = l.Close()
			return func() {}
		}},
		"a predecessor": {hold: predecessor, want: "is served by Strongroom 1.2.3", kind: fault.Busy},
		"upstream": {
			hold: func(t *testing.T, socket string) func() {
				return foreign{name: driver, version: "v1.6.0"}.serve(t, socket)
			},
			want: "another program as driver secrets-store.csi.k8s.io, version v1.6.0", kind: fault.Denied,
		},
		"upstream's remedy": {
			hold: func(t *testing.T, socket string) func() { return foreign{name: driver}.serve(t, socket) },
			want: "az aks disable-addons --addons azure-keyvault-secrets-provider -g <group> -n <cluster> ; where it came with Helm: helm uninstall csi-secrets-store -n kube-system", kind: fault.Denied,
		},
		"another driver": {
			hold: func(t *testing.T, socket string) func() { return foreign{name: "disk.csi.example"}.serve(t, socket) },
			want: "is served by driver disk.csi.example", kind: fault.Denied,
		},
		"no CSI driver": {
			hold: func(t *testing.T, socket string) func() {
				l, err := net.Listen("unix", socket)
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					for {
						conn, err := l.Accept()
						if err != nil {
							return
						}
						_ = conn.Close()
					}
				}()
				return func() { _ = l.Close(); <-done }
			},
			want: "does not say who it is", kind: fault.Denied,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := place(t)
			defer test.hold(t, socket)()
			err := incumbent.Check(t.Context(), socket, driver)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Kind != test.kind || !strings.Contains(fault.Explain(err), test.want) {
				t.Errorf("%v, want %v %s", err, test.kind, test.want)
			}
		})
	}
}

// lines passes on what is logged.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// waiter is a Wait under way.
type waiter struct {
	t     *testing.T
	clock *clock.Fake
	log   lines
	done  chan error
	stop  context.CancelFunc
}

func wait(t *testing.T, socket string) *waiter {
	ctx, cancel := context.WithCancel(t.Context())
	w := &waiter{t: t, clock: clock.NewFake(), log: make(lines, 100), done: make(chan error, 1), stop: cancel}
	go func() {
		w.done <- incumbent.Wait(ctx, incumbent.Config{Socket: socket, Driver: driver, Clock: w.clock, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	}()
	return w
}

// look lets it look n times more.
func (w *waiter) look(n int) {
	for range n {
		w.clock.BlockUntil(1)
		w.clock.Advance(time.Second)
	}
}

func (w *waiter) end(want error, said ...string) {
	w.t.Helper()
	if err := <-w.done; !errors.Is(err, want) {
		w.t.Errorf("ended with %v, want %v", err, want)
	}
	w.stop()
	close(w.log)
	var got []string
	for line := range w.log {
		got = append(got, line)
	}
	if !slices.EqualFunc(got, said, strings.Contains) {
		w.t.Errorf("said %q, want %q", got, said)
	}
}

func TestAnEmptyPlaceIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	wait(t, place(t)).end(nil)
}

func TestAForeignDriverIsWaitedForHoweverLongItTakes(t *testing.T) {
	t.Parallel()
	socket := place(t)
	stop := foreign{name: driver, version: "v1.6.0"}.serve(t, socket)
	w := wait(t, socket)
	w.look(100)
	w.clock.BlockUntil(1)
	stop()
	w.look(1)
	w.end(nil, "level=ERROR", "is free")
}

func TestAPredecessorIsWaitedForAWhile(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]bool{"goes": true, "stays": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := place(t)
			stop := predecessor(t, socket)
			w := wait(t, socket)
			w.look(14)
			w.clock.BlockUntil(1)
			last := "its place is taken now"
			if goes {
				stop()
				last = "is free"
			} else {
				defer stop()
			}
			w.look(1)
			w.end(nil, "waiting for an earlier instance", last)
		})
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	socket := place(t)
	defer foreign{name: driver}.serve(t, socket)()
	w := wait(t, socket)
	w.clock.BlockUntil(1)
	w.stop()
	w.end(context.Canceled, "level=ERROR")
}
