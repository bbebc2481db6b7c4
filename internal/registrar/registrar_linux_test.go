package registrar_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	api "strongroom/api/pluginregistration/v1"
	"strongroom/internal/clock"
	"strongroom/internal/registrar"
	"strongroom/internal/unixsock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	driver   = "secrets-store.csi.k8s.io"
	endpoint = "/var/lib/kubelet/plugins/csi-secrets-store/csi.sock"

	accepted = "the kubelet has registered the driver"
	trouble  = "not registered with the kubelet"
	lost     = "was taken away"
)

// lines passes on what is logged, so that a test knows how far a Registrar has come.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// instance is one driver's Registrar at work.
type instance struct {
	*registrar.Registrar
	t     *testing.T
	clock *clock.Fake
	log   lines
	end   context.CancelFunc
	done  chan error
}

// registry is a kubelet's directory of a path short enough for sockets.
func registry(t *testing.T) (dir, socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "reg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir, filepath.Join(dir, driver+"-reg.sock")
}

func start(t *testing.T, socket string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	i := &instance{t: t, clock: clock.NewFake(), log: make(lines, 100), end: cancel, done: make(chan error, 1)}
	i.Registrar = registrar.New(registrar.Config{
		Socket: socket, Driver: driver, Endpoint: endpoint, Version: "1.2.3", Clock: i.clock, Log: slog.New(slog.NewTextHandler(i.log, nil)),
	})
	go func() { i.done <- i.Run(ctx) }()
	return i
}

// stop ends it. Nothing more may have been said than was heard.
func (i *instance) stop() {
	i.t.Helper()
	i.end()
	if err := <-i.done; err != nil {
		i.t.Error(err)
	}
	if i.Registered() {
		i.t.Error("registered after its end")
	}
	close(i.log)
	for line := range i.log {
		i.t.Errorf("said besides: %s", line)
	}
}

// hear waits for the next line of the log, and wants it to say something.
func (i *instance) hear(want ...string) {
	i.t.Helper()
	line := <-i.log
	for _, w := range want {
		if !strings.Contains(line, w) {
			i.t.Errorf("heard %s want %s", line, w)
		}
	}
}

// pass lets time pass once the Registrar waits for it to.
func (i *instance) pass(d time.Duration) {
	for ; d > 0; d -= 10 * time.Second {
		i.clock.BlockUntil(1)
		i.clock.Advance(min(d, 10*time.Second))
	}
	i.clock.BlockUntil(1)
}

func (i *instance) want(registered bool) {
	i.t.Helper()
	if i.Registered() != registered {
		i.t.Errorf("registered: %v", !registered)
	}
}

func TestADriverIsRegisteredAndGivenUp(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	k := startKubelet(t, dir)
	i := start(t, socket)
	info := <-k.met
	if info.GetType() != "CSIPlugin" || info.GetName() != driver || info.GetEndpoint() != endpoint || !slices.Equal(info.GetSupportedVersions(), []string{"1.0.0"}) {
		t.Errorf("the kubelet heard %v", info)
	}
	i.hear(accepted)
	i.want(true)
	if mode, err := os.Stat(socket); err != nil || mode.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", mode.Mode(), err)
	}
	i.pass(time.Hour) // and nothing happens
	i.stop()
	if name := <-k.removed; name != filepath.Base(socket) {
		t.Errorf("removed %s", name)
	}
	k.stop()
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	if len(k.met) != 0 {
		t.Error("the kubelet was bothered again")
	}
}

func TestAKubeletThatRefusesIsAskedAgain(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	k := startKubelet(t, dir)
	defer k.stop()
	refusals := 0
	k.answers(func(*api.PluginInfo) (string, bool) {
		if refusals++; refusals <= 3 {
			return fmt.Sprint("NodeGetInfo failed ", refusals), false
		}
		return "", false
	})
	i := start(t, socket)
	defer i.stop()
	for n, pause := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
		i.hear(trouble, fmt.Sprint("NodeGetInfo failed ", n+1), "is the CSI socket's path on the host")
		<-k.met
		i.pass(pause - time.Second)
		if len(k.met) != 0 {
			t.Error("it appeared again too soon")
		}
		i.want(false)
		i.clock.Advance(time.Second)
	}
	i.hear(accepted)
	i.want(true)
}

func TestAKubeletThatIsNotThereIsWaitedFor(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	i := start(t, socket)
	defer i.stop()
	i.pass(50 * time.Second)
	was, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	i.pass(20 * time.Second)
	i.hear(trouble, "the kubelet does not ask")
	if now, err := os.Stat(socket); err != nil || os.SameFile(was, now) {
		t.Errorf("it did not appear anew: %v", err)
	}
	k := startKubelet(t, dir) // scans
	i.hear(accepted)
	k.stop()
	k = startKubelet(t, dir) // restarted
	i.hear(accepted)
	i.want(true)
	k.stop()
}

func TestAKubeletThatNeverDecidesIsAskedAgain(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	k := startKubelet(t, dir)
	defer k.stop()
	k.answers(func(*api.PluginInfo) (string, bool) { return "", true })
	i := start(t, socket)
	defer i.stop()
	<-k.met
	i.pass(2 * time.Minute)
	k.answers(func(*api.PluginInfo) (string, bool) { return "", false })
	if len(k.met) != 0 {
		t.Error("it did not wait for the decision")
	}
	i.pass(70 * time.Second)
	i.hear(trouble)
	i.hear(accepted)
}

func TestASocketThatIsTakenAwayIsPutBack(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	k := startKubelet(t, dir)
	defer k.stop()
	i := start(t, socket)
	defer i.stop()
	i.hear(accepted)
	for name, take := range map[string]func() error{
		"removed": func() error { return os.Remove(socket) },
		"replaced by a dead one": func() error {
			if err := os.Remove(socket); err != nil {
				return err
			}
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return l.Close()
		},
	} {
		i.clock.BlockUntil(1)
		if err := take(); err != nil {
			t.Fatal(name, err)
		}
		i.clock.Advance(10 * time.Second)
		i.hear(lost)
		i.hear(accepted)
		i.want(true)
	}
}

func TestAForeignRegistrationIsNamedAndWaitedFor(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	stop := foreign(t, socket)
	k := startKubelet(t, dir)
	defer k.stop()
	i := start(t, socket)
	defer i.stop()
	i.hear("level=ERROR", trouble, driver, "/var/lib/kubelet/plugins/theirs/csi.sock", "helm uninstall csi-secrets-store", "az aks disable-addons")
	i.pass(5 * time.Minute)
	i.want(false)
	stop()
	i.clock.Advance(10 * time.Second)
	i.hear(accepted)

	i.clock.BlockUntil(1)
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	stop = foreign(t, socket) // it takes the place while we run
	i.clock.Advance(10 * time.Second)
	i.hear(lost)
	i.hear("level=ERROR", trouble, "theirs")
	i.want(false)
	i.clock.BlockUntil(1)
	stop()
	i.clock.Advance(10 * time.Second)
	i.hear(accepted)
}

// In a roll the new instance takes the place, and the old one leaves it to it.
func TestASuccessorTakesThePlace(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	k := startKubelet(t, dir)
	defer k.stop()
	old := start(t, socket)
	old.hear(accepted)
	successor := start(t, socket)
	defer successor.stop()
	successor.hear(accepted)
	old.clock.BlockUntil(1)
	old.clock.Advance(10 * time.Second)
	old.hear(lost)
	old.hear("level=INFO", "another instance of Strongroom")
	old.pass(time.Minute)
	old.want(false)
	old.stop()
	successor.pass(time.Minute)
	successor.want(true)
	if len(k.removed) != 0 {
		t.Error("the old one removed the new one's socket")
	}
	if _, err := os.Stat(socket); err != nil {
		t.Error(err)
	}
}

// An old instance that was not told to go comes back when its successor is gone.
func TestAPredecessorComesBack(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	k := startKubelet(t, dir)
	defer k.stop()
	old := start(t, socket)
	defer old.stop()
	old.hear(accepted)
	successor := start(t, socket)
	successor.hear(accepted)
	successor.stop()
	old.clock.BlockUntil(1)
	old.clock.Advance(10 * time.Second)
	old.hear(lost)
	old.hear(accepted)
}

func TestADirectoryThatIsNotThereIsToldAndWaitedFor(t *testing.T) {
	t.Parallel()
	dir, socket := registry(t)
	sub := filepath.Join(dir, "r")
	i := start(t, filepath.Join(sub, filepath.Base(socket)))
	defer i.stop()
	i.hear(trouble, "cannot listen")
	i.pass(time.Minute)
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	k := startKubelet(t, sub)
	defer k.stop()
	i.clock.Advance(10 * time.Second)
	i.hear(accepted)
}

// theirs is another program's registration.
type theirs struct {
	api.UnimplementedRegistrationServer
	told chan struct{} // holds what the kubelet told it
}

func (theirs) GetInfo(context.Context, *api.InfoRequest) (*api.PluginInfo, error) {
	return &api.PluginInfo{Type: "CSIPlugin", Name: driver, Endpoint: "/var/lib/kubelet/plugins/theirs/csi.sock", SupportedVersions: []string{"1.0.0"}}, nil
}

func (f theirs) NotifyRegistrationStatus(context.Context, *api.RegistrationStatus) (*api.RegistrationStatusResponse, error) {
	f.told <- struct{}{}
	return &api.RegistrationStatusResponse{}, nil
}

// foreign serves somebody else's registration; stop waits until the kubelet knows it.
func foreign(t *testing.T, socket string) (stop func()) {
	t.Helper()
	listener, err := unixsock.Listen(socket) // which a kubelet never finds half made
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	told := make(chan struct{}, 10)
	api.RegisterRegistrationServer(server, theirs{told: told})
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return func() {
		<-told
		server.GracefulStop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
