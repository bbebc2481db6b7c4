package cli_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// strangerEnv makes this binary another user's program: it knocks at the sockets named there, comma separated.
const strangerEnv = "STRONGROOM_TEST_STRANGER"

// knock says how another user fares at each socket.
func knock(paths string) string {
	if err := becomeSomebodyElse(); err != nil {
		return err.Error()
	}
	var fared []string
	for path := range strings.SplitSeq(paths, ",") {
		conn, err := net.Dial("unix", path)
		switch {
		case errors.Is(err, fs.ErrPermission):
			fared = append(fared, "no entry")
		case err != nil:
			fared = append(fared, err.Error())
		default:
			_ = conn.Close()
			fared = append(fared, "let in")
		}
	}
	return strings.Join(fared, ", ")
}

// strangersStayOut holds sockets shut to everybody else: by their mode, and, where this process can become somebody
// else, by trying.
func strangersStayOut(t *testing.T, sockets ...string) {
	t.Helper()
	for _, path := range sockets {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o, want 0600", path, info.Mode().Perm())
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = []string{strangerEnv + "=" + strings.Join(sockets, ",")}
	var wrong strings.Builder
	cmd.Stderr = &wrong // where a program that counts what it covers complains
	out, err := cmd.Output()
	if want := strings.TrimSuffix(strings.Repeat("no entry, ", len(sockets)), ", "); err != nil || string(out) != want {
		t.Errorf("another user: %s, %v; want %s\n%s", out, err, want, &wrong)
	}
}
