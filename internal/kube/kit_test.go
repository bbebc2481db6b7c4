package kube

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/util/wait"

	"strongroom/internal/clock"
	"strongroom/internal/kube/kubefake"
	"strongroom/internal/telemetry/logkey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an API server and a client of it.
type world struct {
	*kubefake.Server
	client *Client
	clock  *clock.Fake
	log    *lines
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := kubefake.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w := &world{Server: server, clock: clock.NewFake(), log: &lines{said: make(chan string, 1000)}}
	w.client = w.another(t)
	return w
}

// another is one more process's client.
func (w *world) another(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{Kubeconfig: w.file(t), UserAgent: "strongroom/test", Log: slog.New(w.log), Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.backoff = wait.Backoff{Duration: time.Millisecond, Factor: 1.1, Steps: 10, Cap: 5 * time.Millisecond}
	return c
}

// file is a kubeconfig that leads to the server.
func (w *world) file(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(w.Kubeconfig()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// running runs something until the test ends or stop is called, which waits for its end.
func running(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// news hears of every change a watch was told of, after its owner was.
func news[T any](w *watch[T]) <-chan struct{} {
	heard := make(chan struct{}, 10000)
	tell := w.changed
	w.changed = func(before, after *T) {
		tell(before, after)
		heard <- struct{}{}
	}
	return heard
}

// next waits for something that must come.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// silent checks that nothing has come.
func silent[T any](t *testing.T, from <-chan T) {
	t.Helper()
	select {
	case v := <-from:
		t.Errorf("came: %+v", v)
	default:
	}
}

// lines is a log whose messages can be waited for.
type lines struct {
	said chan string
	mu   sync.Mutex
	text []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	text, said := r.Message, r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		if a.Key == logkey.Resource {
			said += " " + a.Value.String()
		}
		return true
	})
	l.mu.Lock()
	if r.Level > slog.LevelDebug {
		l.text = append(l.text, text)
	}
	l.mu.Unlock()
	select {
	case l.said <- said:
	default: // nobody waits for any
	}
	return nil
}

// until waits for a message, with the resource it is about.
func (l *lines) until(t *testing.T, message string) {
	t.Helper()
	for next(t, l.said) != message {
	}
}

// loud is every line above debug so far.
func (l *lines) loud() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.text)
}

// copied is copies of what a watch shares.
func copied[T any](list []*T) []T {
	copies := make([]T, len(list))
	for i, one := range list {
		copies[i] = *one
	}
	return copies
}
