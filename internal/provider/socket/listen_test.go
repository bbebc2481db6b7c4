package socket_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/provider/socket"
)

func newServer(t *testing.T, path string) *socket.Server {
	t.Helper()
	server, err := socket.NewServer(socket.ServerConfig{Socket: path, Provider: answering(oneFile("x"))})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func TestLivingServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := serve(t, socket.ServerConfig{Provider: answering(oneFile("x"))})
	err := newServer(t, path).Listen()
	if fault.KindOf(err) != fault.Busy {
		t.Errorf("Listen: %v, want Busy", err)
	}
	if err := socket.Probe(t.Context(), path); err != nil {
		t.Errorf("the first server is gone: %v", err)
	}
}

func TestShutdownRemovesTheSocketButNotItsSuccessor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "azure.sock")
	stop := start(t, socket.ServerConfig{Socket: path, Provider: answering(oneFile("x"))})
	stop()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after shutdown: %v, want no socket", err)
	}

	stop = start(t, socket.ServerConfig{Socket: path, Provider: answering(oneFile("old"))})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	serve(t, socket.ServerConfig{Socket: path, Provider: answering(oneFile("new"))})
	stop()
	if err := socket.Probe(t.Context(), path); err != nil {
		t.Errorf("the successor's socket is gone: %v", err)
	}
}

func TestServerConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := socket.NewServer(socket.ServerConfig{MaxMounts: -1})
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("got %v, want Invalid", err)
	}
	for _, want := range []string{"socket", "provider", "bound"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name the %s", err, want)
		}
	}
}
