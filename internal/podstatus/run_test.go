package podstatus

import (
	"context"
	"fmt"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// gate is a cluster whose writes wait to be let through.
type gate struct {
	cluster
	asked chan string
	let   chan error
}

func (g *gate) Write(ctx context.Context, s secretsstore.PodStatus) error {
	g.asked <- s.Name
	select {
	case err := <-g.let:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newGate() *gate { return &gate{asked: make(chan string, 100), let: make(chan error, 100)} }

// run starts Run, and gives what ends it.
func run(t *testing.T, r *Recorder) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A cluster that hangs keeps nobody who publishes waiting, and not more hands than there are.
func TestRecordingNeverWaits(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), newGate()
	w.restart(func(c *Config) { c.Statuses, c.Workers = g, 3 })
	stop := run(t, w.Recorder)
	for i := range 20 {
		record := first(mounted("secret/a@1"))
		record.Pod = secret.Pod{Namespace: "shop", Name: fmt.Sprint("p", i), UID: fmt.Sprint(i)}
		record.Target = fmt.Sprint("/pods/", i)
		w.Published(record)
	}
	for range 3 {
		<-g.asked
	}
	if len(g.asked) != 0 {
		t.Error("more writes than workers")
	}
	for range 17 {
		g.let <- nil
		<-g.asked
	}
	stop() // with three under way
}

// While an object is being written its volume may change: the latest is written after that.
func TestWhatChangesDuringAWriteIsWrittenNext(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), newGate()
	w.restart(func(c *Config) { c.Statuses = g })
	stop := run(t, w.Recorder)
	w.Published(first(mounted("secret/a@1")))
	<-g.asked
	for i := range 5 {
		w.Published(mounted(fmt.Sprint("secret/a@", i+2)))
	}
	g.let <- nil
	<-g.asked
	g.let <- fault.New(fault.Throttled, "", "slower")
	w.clock.BlockUntil(1)
	w.clock.Advance(firstPause)
	<-g.asked
	g.let <- nil
	stop()
	if len(g.asked) != 0 {
		t.Error("written too often")
	}
}

func TestAPauseIsAtLeastWhatTheClusterAskedFor(t *testing.T) {
	t.Parallel()
	err := fault.New(fault.Throttled, "", "slower")
	err.RetryAfter = time.Minute
	if got := pause(1, err); got != time.Minute {
		t.Error(got)
	}
}
