package unixsock_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"strongroom/internal/fault"
	"strongroom/internal/unixsock"
)

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

func listen(t *testing.T, path string) *unixsock.Listener {
	t.Helper()
	return bound(t, unixsock.Listen, path)
}

func bound(t *testing.T, bind func(string) (*unixsock.Listener, error), path string) *unixsock.Listener {
	t.Helper()
	l, err := bind(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// alive says whether a server is to be had at path.
func alive(path string) bool {
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s.sock")
	killed, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	killed.SetUnlinkOnClose(false)
	if err := killed.Close(); err != nil { // as a process leaves it that was killed
		t.Fatal(err)
	}
	listen(t, path)
	if !alive(path) {
		t.Error("nobody answers")
	}
}

func TestALivingServerIsReplacedOnlyOnDemand(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s.sock")
	first := listen(t, path)
	if _, err := unixsock.Listen(path); fault.KindOf(err) != fault.Busy {
		t.Errorf("Listen: %v, want Busy", err)
	}
	if !alive(path) {
		t.Error("the first server is gone")
	}
	bound(t, unixsock.Replace, path)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if !alive(path) {
		t.Error("closing the first server took its successor's socket away")
	}
}

func TestClosingRemovesTheSocketOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s.sock")
	first := listen(t, path)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after closing: %v, want no socket", err)
	}
	listen(t, path) // may get the first one's inode number
	if err := first.Close(); err == nil {
		t.Error("a second Close found something to close")
	}
	if !alive(path) {
		t.Error("a second Close took the successor's socket away")
	}
}

func TestUnusablePaths(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	listen(t, filepath.Join(dir, "s.sock"))
	if err := os.Symlink("s.sock", link); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path string
		want fault.Kind
	}{
		"a file":                  {file, fault.Invalid},
		"a directory":             {dir, fault.Invalid},
		"a link to a socket":      {link, fault.Invalid},
		"no such directory":       {filepath.Join(dir, "none", "s.sock"), fault.Internal},
		"the directory is a file": {filepath.Join(file, "s.sock"), fault.Internal},
		"too long for a socket":   {filepath.Join(dir, strings.Repeat("x", 120)), fault.Invalid},
	} {
		for verb, bind := range map[string]func(string) (*unixsock.Listener, error){"Listen": unixsock.Listen, "Replace": unixsock.Replace} {
			if _, err := bind(test.path); fault.KindOf(err) != test.want || len(fault.Remedies(err)) == 0 {
				t.Errorf("%s on %s: %v, want %v with a remedy", verb, name, err, test.want)
			}
		}
	}
	if kept, _ := os.ReadFile(file); string(kept) != "precious" {
		t.Errorf("the file holds %q", kept)
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("left over: %v", left)
	}
}

func TestThePeerIsTheUserWhoConnected(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s.sock")
	l := listen(t, path)
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	server, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	if uid, err := unixsock.PeerUID(server); err != nil || uid != os.Geteuid() {
		t.Errorf("peer is %d, %v, want %d", uid, err, os.Geteuid())
	}
	_ = server.Close()
	if uid, err := unixsock.PeerUID(server); err == nil {
		t.Errorf("a closed connection has user %d", uid)
	}
}

func TestASocketKnowsWhetherItIsFound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s.sock")
	if unixsock.Answers(path) {
		t.Error("nobody answers, and yet somebody does")
	}
	first := listen(t, path)
	if !first.Stands() || !unixsock.Answers(path) {
		t.Error("a new socket does not stand")
	}
	second := bound(t, unixsock.Replace, path)
	if first.Stands() || !second.Stands() {
		t.Error("the replaced socket stands, or the new one does not")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if second.Stands() || unixsock.Answers(path) {
		t.Error("a removed socket stands")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if second.Stands() || unixsock.Answers(path) {
		t.Error("a file was taken for a socket")
	}
}

// A process that is killed while it binds leaves its private directory behind, with its socket or without. The next one
// takes it away, and nothing else: not a living one's, nor what only has the name.
func TestWhatAKilledBinderLeftIsRemoved(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	for _, name := range []string{".new-empty", ".new-bound", ".new-others"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, ".new-bound", "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(".new-others", "s"), ".new-file"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listen(t, filepath.Join(dir, "csi.sock"))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".new-file", ".new-others", "csi.sock"}; !slices.Equal(names, want) {
		t.Errorf("there is %v, want %v", names, want)
	}
}

// Many that bind in one directory at once sweep, and none takes away what another is about to use.
func TestManyBindInOneDirectory(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			for range 20 {
				l, err := unixsock.Listen(filepath.Join(dir, strconv.Itoa(i)))
				if err != nil {
					t.Error(err)
					return
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
