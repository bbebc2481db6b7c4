package registrar_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	api "strongroom/api/pluginregistration/v1"
)

// kubelet watches its directory as the real one does: what appears there, names that begin with a dot aside, is asked who
// it is and told what came of it. It scans the directory when it starts.
type kubelet struct {
	t       *testing.T
	dir     string
	watch   *os.File
	done    sync.WaitGroup
	removed chan string
	met     chan *api.PluginInfo // whom it asked

	mu     sync.Mutex
	answer func(info *api.PluginInfo) (refusal string, silent bool)
}

func startKubelet(t *testing.T, dir string) *kubelet {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	k := &kubelet{t: t, dir: dir, watch: os.NewFile(uintptr(fd), "inotify"), removed: make(chan string, 100), met: make(chan *api.PluginInfo, 100)}
	k.answers(func(*api.PluginInfo) (string, bool) { return "", false })
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	k.done.Go(func() {
		for _, e := range entries {
			k.appeared(e.Name())
		}
		k.follow()
	})
	return k
}

// stop ends it, as a restart of the real one does: nobody is told.
func (k *kubelet) stop() {
	_ = k.watch.Close()
	k.done.Wait()
}

// answers sets what it makes of a plugin: a refusal, or no decision at all.
func (k *kubelet) answers(f func(*api.PluginInfo) (refusal string, silent bool)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = f
}

func (k *kubelet) follow() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := k.watch.Read(buffer)
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				k.t.Error(err)
			}
			return
		}
		for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			mask := binary.NativeEndian.Uint32(rest[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(rest[12:]))
			name := string(bytes.TrimRight(rest[unix.SizeofInotifyEvent:end], "\x00"))
			rest = rest[end:]
			switch {
			case strings.HasPrefix(name, "."):
			case mask&unix.IN_DELETE != 0:
				k.removed <- name
			default:
				k.appeared(name)
			}
		}
	}
}

func (k *kubelet) appeared(name string) {
	path := filepath.Join(k.dir, name)
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		return
	}
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		k.t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client := api.NewRegistrationClient(conn)
	info, err := client.GetInfo(ctx, &api.InfoRequest{})
	if err != nil {
		return // gone again
	}
	k.met <- info
	k.mu.Lock()
	refusal, silent := k.answer(info)
	k.mu.Unlock()
	if silent {
		return
	}
	if _, err := client.NotifyRegistrationStatus(ctx, &api.RegistrationStatus{PluginRegistered: refusal == "", Error: refusal}); err != nil {
		k.t.Error(err)
	}
}
