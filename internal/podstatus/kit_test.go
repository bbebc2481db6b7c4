package podstatus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is a cluster's memory: the objects it holds, and how often it was asked.
type cluster struct {
	mu      sync.Mutex
	objects map[string]secretsstore.PodStatus
	writes  []string
	lists   int
	err     error // what it answers
	told    []string
}

func (c *cluster) List(context.Context) (list []secretsstore.PodStatus, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists++
	for _, o := range c.objects {
		list = append(list, o)
	}
	return list, c.err
}

func (c *cluster) Write(ctx context.Context, s secretsstore.PodStatus) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, s.Namespace+"/"+s.Name)
	if c.err != nil {
		return c.err
	}
	c.objects[s.Namespace+"/"+s.Name] = s
	return ctx.Err()
}

func (c *cluster) Event(about About, warning bool, reason, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(message) > 1024 || strings.Contains(message, "\n") || warning == (reason == ReasonRotated || reason == ReasonRecovered) {
		panic(fmt.Sprint("no event: ", warning, reason, len(message), message))
	}
	c.told = append(c.told, fmt.Sprintf("%s %s/%s/%s: %s", reason, about.Kind, about.Namespace, about.Name, message))
}

// world is one node's Recorder, worked by hand.
type world struct {
	*Recorder
	*cluster
	t     *testing.T
	clock *clock.Fake
	log   *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, cluster: &cluster{objects: map[string]secretsstore.PodStatus{}}, clock: clock.NewFake()}
	w.restart()
	return w
}

// restart is a new process on the same node.
func (w *world) restart(mutate ...func(*Config)) {
	w.log = &bytes.Buffer{}
	config := Config{
		Node: "node-1", Statuses: w.cluster, Events: w.cluster, Clock: w.clock,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, m := range mutate {
		m(&config)
	}
	w.Recorder = New(config)
}

// settle works until nothing is left to do at this time.
func (w *world) settle() {
	var work sync.WaitGroup
	for {
		w.step(w.t.Context(), &work)
		work.Wait()
		select {
		case <-w.woken:
		default:
			return
		}
	}
}

// publish tells of a publish and settles.
func (w *world) publish(records ...publish.Record) {
	w.t.Helper()
	for _, record := range records {
		record.At = w.clock.Now()
		if record.Err != nil && record.Failing.IsZero() {
			record.Failing = record.At
		}
		w.Published(record)
	}
	w.settle()
}

// news gives the events since the last call.
func (w *world) news() (list []string) {
	w.mu2(func() { list, w.told = w.told, nil })
	return list
}

func (w *world) mu2(do func()) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	do()
}

func (w *world) wantNews(want ...string) {
	w.t.Helper()
	if got := w.news(); !slices.EqualFunc(got, want, strings.Contains) {
		w.t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantWrites checks how many writes there were since the last call.
func (w *world) wantWrites(want int) {
	w.t.Helper()
	var got []string
	w.mu2(func() { got, w.writes = w.writes, nil })
	if len(got) != want {
		w.t.Errorf("wrote %v, want %d writes", got, want)
	}
}

func (w *world) object(name string) secretsstore.PodStatus {
	w.t.Helper()
	o, there := w.objects[name]
	if !there {
		w.t.Fatalf("there is no %s", name)
	}
	return o
}

func (w *world) fresh() secretsstore.Condition {
	return w.object(webObject).Status.Conditions[0]
}

const webObject = "shop/web-1-shop-vault"

var web = secret.Pod{Namespace: "shop", Name: "web-1", UID: "u1", ServiceAccount: "web"}

func mounted(versions ...string) publish.Record {
	r := publish.Record{Target: "/pods/u1/a", Pod: web, ClassName: "vault", Provider: "azure"}
	for _, v := range versions {
		id, version, _ := strings.Cut(v, "@")
		r.Versions = append(r.Versions, secret.Version{ID: id, Version: version})
	}
	return r
}

func first(r publish.Record) publish.Record {
	r.First, r.Change = true, volume.Change{Changed: true, Added: []string{"x"}}
	return r
}

func at(target string, r publish.Record) publish.Record {
	r.Target = target
	return r
}

func failed(r publish.Record, err error) publish.Record {
	r.Err = err
	return r
}

func rotated(r publish.Record, files ...string) publish.Record {
	r.Change = volume.Change{Changed: true, Updated: files}
	return r
}

func stale(r publish.Record, age time.Duration) publish.Record {
	r.Age = age
	r.Report = provider.Report{Objects: []provider.Outcome{{Object: "secret/a", State: provider.Stale}}}
	return r
}

func denied(id string) error {
	err := fault.New(fault.Denied, "secret/a", "may not be read").Mend("grant it")
	err.Remote.RequestID = id
	return err
}
