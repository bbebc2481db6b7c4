package socket_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/socket"
	"strongroom/internal/secret"
)

func TestNamesThatCannotBeProviders(t *testing.T) {
	t.Parallel()
	directory := socket.New(socket.Config{Dirs: []string{shortDir(t)}})
	for name, want := range map[string]string{
		"":                      `error connecting to provider "": provider not found: provider ""`,
		"../azure":              `error connecting to provider "../azure": invalid provider: provider "../azure"`,
		"azure\n":               `invalid provider: provider "azure\n"`,
		strings.Repeat("a", 31): "invalid provider: provider ",
	} {
		if _, err := directory.Provider(name); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want Invalid with %q", name, err, want)
		}
	}
	if _, err := directory.Provider("Third_party-2"); err != nil {
		t.Error(err)
	}
}

func TestProviderThatIsNotThereFailsAtOnce(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	azure := named(t, "azure", socket.Config{Dirs: []string{filepath.Join(dir, "none"), dir}})
	expect := func(want string) {
		t.Helper()
		_, err := azure.Mount(t.Context(), provider.Request{})
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), want) || len(fault.Remedies(err)) == 0 {
			t.Errorf("got %v, want Unavailable with %q and a remedy", err, want)
		}
	}
	path := filepath.Join(dir, "azure.sock")
	expect(`error connecting to provider "azure": provider not found: provider "azure" has no socket azure.sock in ` + filepath.Join(dir, "none") + ", " + dir)

	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect("is not a socket")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	lis, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	lis.SetUnlinkOnClose(false)
	_ = lis.Close()
	expect("nobody answers on " + path + ": dial unix " + path + ": connect: connection refused")
}

func TestFirstDirectoryWins(t *testing.T) {
	t.Parallel()
	first := serve(t, socket.ServerConfig{Provider: answering(oneFile("first"))})
	second := serve(t, socket.ServerConfig{Provider: answering(oneFile("second"))})
	azure := named(t, "azure", socket.Config{Dirs: []string{filepath.Dir(first), filepath.Dir(second)}})
	mount := func(want string) {
		t.Helper()
		resp, err := azure.Mount(t.Context(), provider.Request{})
		if err != nil {
			t.Fatal(err)
		}
		if got := contentsOf(t, resp); got != want {
			t.Errorf("got the content of %q, want of %q", got, want)
		}
	}
	mount("first")
	if err := os.Rename(first, first+".away"); err != nil { // its server lives on, but is not found by this name
		t.Fatal(err)
	}
	mount("second")
	if err := os.Rename(first+".away", first); err != nil {
		t.Fatal(err)
	}
	mount("first")
}

func TestReplacedServerIsFollowedWhileItsLastCallsFinish(t *testing.T) {
	t.Parallel()
	door := newDoorway()
	path := filepath.Join(shortDir(t), "azure.sock")
	stopOld := start(t, socket.ServerConfig{Socket: path, Provider: door})
	azure := named(t, "azure", socket.Config{Dirs: []string{filepath.Dir(path)}})
	old := make(chan error, 1)
	go func() {
		_, err := azure.Mount(context.Background(), provider.Request{})
		old <- err
	}()
	<-door.in

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	stopNew := start(t, socket.ServerConfig{Socket: path, Provider: answering(oneFile("new"))})
	resp, err := azure.Mount(t.Context(), provider.Request{})
	if err != nil || contentsOf(t, resp) != "new" {
		t.Errorf("after the replacement: %+v, %v", resp, err)
	}
	close(door.out)
	if err := <-old; err != nil {
		t.Errorf("the call that was running: %v", err)
	}
	stopOld()

	stopNew()
	if _, err := azure.Mount(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("with the server gone: %v, want Unavailable", err)
	}
	start(t, socket.ServerConfig{Socket: path, Provider: answering(oneFile("newest"))})
	resp, err = azure.Mount(t.Context(), provider.Request{})
	if err != nil || contentsOf(t, resp) != "newest" {
		t.Errorf("after it came back: %+v, %v", resp, err)
	}
}

func TestGraceForAProviderThatIsBeingReplaced(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake()
	path := filepath.Join(shortDir(t), "azure.sock")
	azure := named(t, "azure", socket.Config{Dirs: []string{filepath.Dir(path)}, Wait: 10 * time.Second, Clock: clk})
	result := make(chan error, 1)
	mount := func(ctx context.Context) {
		_, err := azure.Mount(ctx, provider.Request{})
		result <- err
	}

	go mount(t.Context())
	clk.BlockUntil(1)
	stop := start(t, socket.ServerConfig{Socket: path, Provider: answering(oneFile("x"))})
	clk.Advance(time.Second)
	if err := <-result; err != nil {
		t.Errorf("it came up in time: %v", err)
	}

	stop()
	go mount(t.Context())
	clk.BlockUntil(1)
	clk.Advance(10 * time.Second)
	if err := <-result; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("it did not come up: %v, want Unavailable", err)
	}
	standing := provider.Request{Current: []secret.Version{{ID: "secret/a", Version: "1"}}}
	if _, err := azure.Mount(t.Context(), standing); fault.KindOf(err) != fault.Unavailable { // at once: nobody moves the clock
		t.Errorf("of a volume that has content: %v, want Unavailable", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	go mount(ctx)
	clk.BlockUntil(1)
	cancel()
	if err := <-result; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the caller left: %v, want Unavailable", err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	door := newDoorway()
	path := serve(t, socket.ServerConfig{Provider: door})
	directory := socket.New(socket.Config{Dirs: []string{filepath.Dir(path)}})
	azure, err := directory.Provider("azure")
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := azure.Mount(context.Background(), provider.Request{})
		result <- err
	}()
	<-door.in
	if err := directory.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the running call: %v, want Unavailable", err)
	}
	if _, err := azure.Mount(t.Context(), provider.Request{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a call after Close: %v, want Unavailable", err)
	}
}
