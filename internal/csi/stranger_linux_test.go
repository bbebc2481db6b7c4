package csi_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"strongroom/internal/csi"
)

// asStranger names the socket that this process is to try, as somebody else.
const asStranger = "CSI_TEST_STRANGER"

// Somebody else gets nowhere, not even on a socket whose mode was opened by mistake. Who runs this without being root
// cannot be somebody else, and then sees that the owner gets in.
func TestStranger(t *testing.T) {
	if path := os.Getenv(asStranger); path != "" {
		knock(path)
		return
	}
	t.Parallel()
	dir := socketDir(t)
	path := filepath.Join(dir, "csi.sock")
	listener, err := csi.Listen("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{dir: 0o755, path: 0o666} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("welcome"))
			_ = conn.Close()
		}
	}()
	cmd := exec.Command(os.Args[0], "-test.run=^TestStranger$", "-test.v")
	cmd.Env = append(os.Environ(), asStranger+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	want := `heard "welcome"`
	if os.Getuid() == 0 {
		want = `heard ""`
	}
	if !strings.Contains(string(out), want) {
		t.Errorf("want %s in\n%s", want, out)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	<-done
}

func knock(path string) {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			panic(err)
		}
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		panic(err)
	}
	heard := make([]byte, 16)
	n, _ := conn.Read(heard)
	fmt.Printf("heard %q\n", heard[:n])
}
