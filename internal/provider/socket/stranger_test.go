package socket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/provider/socket"
)

// strangerEnv makes the test binary a second user's program: it tries the socket named there and says how it fared.
const strangerEnv = "STRONGROOM_TEST_STRANGER"

// stranger prints "no entry" when the file's mode keeps it out, else the code its call was answered with.
func stranger(path string) int {
	conn, err := net.Dial("unix", path)
	if errors.Is(err, fs.ErrPermission) {
		fmt.Print("no entry")
		return 0
	}
	if err != nil {
		fmt.Print(err)
		return 1
	}
	_ = conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cc, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Print(err)
		return 1
	}
	_, err = api.NewCSIDriverProviderClient(cc).Version(ctx, &api.VersionRequest{})
	fmt.Print(status.Code(err))
	return 0
}

func TestAnotherUserCannotGetIn(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program as another user")
	}
	path := serve(t, socket.ServerConfig{Provider: answering(oneFile("x"))})
	open(t, filepath.Dir(path)) // so that nothing but the socket itself is in the way
	program := openCopy(t)

	if got := runAs(t, 65534, program, path); got != "no entry" {
		t.Errorf("connecting to the socket as it is: %q, want no entry", got)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := runAs(t, 65534, program, path); got != codes.PermissionDenied.String() {
		t.Errorf("calling through a socket somebody opened by mistake: %q, want PermissionDenied", got)
	}
	if got := runAs(t, 0, program, path); got != codes.OK.String() {
		t.Errorf("calling as root: %q, want OK", got)
	}
}

func TestOnlyListedUsersMayCall(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	path := serve(t, socket.ServerConfig{Provider: answering(oneFile("x")), Peers: []int{os.Geteuid() + 1}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	client, cc := upstream(t, path)
	_, err := client.Mount(t.Context(), mountRequest())
	if status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), "may not use this socket") {
		t.Errorf("Mount: %v, want PermissionDenied", err)
	}
	if err := cc.Invoke(t.Context(), "/no.such/Method", &api.VersionRequest{}, &api.VersionResponse{}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("an unknown method: %v, want PermissionDenied", err)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "peer="+strconv.Itoa(os.Geteuid())) {
		t.Errorf("log wants one line with the user:\n%s", text)
	}
}

// runAs runs the copied test binary as a stranger of that user id.
func runAs(t *testing.T, uid uint32, program, path string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{strangerEnv + "=" + path}
	cmd.Dir = "/"
	asUser(cmd, uid)
	var wrong strings.Builder
	cmd.Stderr = &wrong // where a program that counts what it covers complains
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, &wrong)
	}
	return string(out)
}

// openCopy puts the test binary where another user can run it.
func openCopy(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	dir := shortDir(t)
	open(t, dir)
	path := filepath.Join(dir, "stranger")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func authorityIsLocalhost(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	if got := md.Get(":authority"); len(got) != 1 || got[0] != "localhost" {
		return status.Errorf(codes.PermissionDenied, "authority %v is not localhost", got)
	}
	return nil
}
