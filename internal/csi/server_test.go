package csi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"strongroom/internal/clock"
	"strongroom/internal/csi"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
)

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all(t *testing.T) (list []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range strings.Split(strings.TrimSpace(l.text.String()), "\n") {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func logger(l *lines) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Each call is one line that says which volume it was about, and nothing that only the pod may know.
func TestOneLinePerCallWithoutSecrets(t *testing.T) {
	t.Parallel()
	log := &lines{}
	address := serve(t, csi.Server{Name: "d", Log: logger(log), Publisher: publisher{publish: func(context.Context, publish.Volume) error {
		return fault.New(fault.Denied, "secret/a", "may not be read").Mend("grant it")
	}}})
	req := publishRequest()
	req.VolumeContext[tokensKey] = "planted-token"
	req.VolumeContext["clientID"] = "planted-attribute"
	req.Secrets = map[string]string{"clientsecret": "planted-secret"}
	_, err := spec.NewNodeClient(dial(t, address)).NodePublishVolume(t.Context(), req)
	if status.Code(err) != codes.PermissionDenied {
		t.Fatal(err)
	}
	all := log.all(t)
	if len(all) != 2 { // that it serves, and the call
		t.Fatalf("%d lines: %v", len(all), all)
	}
	for key, want := range map[string]any{
		"level": "WARN", "msg": "call answered", "method": "/csi.v1.Node/NodePublishVolume", "code": "PermissionDenied",
		"volume": "csi-1", "pod": "shop/web-0", "class": "shop/vault", "kind": "denied",
		"error": "secret/a: may not be read; to mend: grant it",
	} {
		if all[1][key] != want {
			t.Errorf("%s is %v, want %v", key, all[1][key], want)
		}
	}
	if strings.Contains(log.text.String(), "planted") {
		t.Errorf("the log tells too much: %s", log.text.String())
	}
}

func TestAPanicCostsOneCall(t *testing.T) {
	t.Parallel()
	log := &lines{}
	address := serve(t, csi.Server{Log: logger(log), Publisher: publisher{publish: func(_ context.Context, v publish.Volume) error {
		if v.ID == "bad" {
			panic("planted value")
		}
		return nil
	}}})
	client := spec.NewNodeClient(dial(t, address))
	bad := publishRequest()
	bad.VolumeId = "bad"
	if _, err := client.NodePublishVolume(t.Context(), bad); status.Code(err) != codes.Internal {
		t.Errorf("answered %v", err)
	}
	if _, err := client.NodePublishVolume(t.Context(), publishRequest()); err != nil {
		t.Errorf("after the panic: %v", err)
	}
	if strings.Contains(log.text.String(), "planted") || !strings.Contains(log.text.String(), "call panicked") {
		t.Errorf("log: %s", log.text.String())
	}
}

// Told to stop, the server lets a running call finish; a call that outlasts Grace is cut off.
func TestStop(t *testing.T) {
	t.Parallel()
	for name, endless := range map[string]bool{"graceful": false, "cut off": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := clock.NewFake()
			running, finish := make(chan struct{}), make(chan struct{})
			s := csi.Server{Clock: fake, Grace: time.Second, Publisher: publisher{publish: func(ctx context.Context, _ publish.Volume) error {
				close(running)
				select {
				case <-finish:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}}}
			path := filepath.Join(socketDir(t), "csi.sock")
			s.Endpoint = "UNIX:/" + path // upstream's form: one slash too few is made up for
			listener, err := csi.Listen("unix://" + path)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			served, called := make(chan error, 1), make(chan error, 1)
			go func() { served <- s.Serve(ctx, listener) }()
			client := spec.NewNodeClient(dial(t, "unix:"+path))
			go func() {
				_, err := client.NodePublishVolume(t.Context(), publishRequest())
				called <- err
			}()
			<-running
			stop()
			fake.BlockUntil(1)
			if endless {
				fake.Advance(time.Second)
			} else {
				close(finish)
			}
			if err := <-called; (err != nil) != endless {
				t.Errorf("the running call ended with %v", err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	path := filepath.Join(dir, "csi.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := csi.Listen("Unix://" + strings.TrimPrefix(path, "/"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("socket has mode %v, %v", info.Mode(), err)
	}
	second, err := csi.Listen("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("closing the old listener removed its successor's socket: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for endpoint, want := range map[string]string{
		"":                           "invalid endpoint: ",
		"unix://":                    "invalid endpoint: unix://",
		"tcp://":                     "invalid endpoint: tcp://",
		"/csi/csi.sock":              "invalid endpoint: /csi/csi.sock",
		"http://x":                   "invalid endpoint: http://x",
		"unix://" + file:             "is not a socket, and is left alone",
		"unix://" + dir + "/no/sock": "cannot listen",
		"unix://" + dir + "/" + strings.Repeat("x", 200): "too long for a socket",
	} {
		listener, err := csi.Listen(endpoint)
		if err == nil {
			_ = listener.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", endpoint, err, want)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "1" {
		t.Error("the file in the way was touched")
	}
}

// Who looks for another driver at the socket must look where Listen will bind, however the endpoint is spelled.
func TestSocketPathIsWhereListenBinds(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"unix:///csi/csi.sock":  "/csi/csi.sock",
		"unix://csi/csi.sock":   "/csi/csi.sock",
		"UNIX:///csi//csi.sock": "/csi/csi.sock",
		"tcp://127.0.0.1:10000": "",
		"unix://":               "",
		"/csi/csi.sock":         "",
	} {
		if got := csi.SocketPath(endpoint); got != want {
			t.Errorf("%q: %q, want %q", endpoint, got, want)
		}
	}
}

func TestRunOnTCP(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (csi.Server{Endpoint: "TCP://127.0.0.1:0"}).Run(ctx); err != nil {
		t.Error(err)
	}
	if err := (csi.Server{Endpoint: "nowhere"}).Run(ctx); fault.KindOf(err) != fault.Invalid {
		t.Errorf("error %v", err)
	}
}
