package kube

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

const (
	// queued is how many events may wait to be written. More than that is a storm, of which nobody reads the rest.
	queued = 256
	// longestMessage is what the API server takes, in bytes.
	longestMessage = 1024
	// An event that cannot be written for want of an answer is tried so often, with pauses from a second doubling.
	eventTries = 5
	eventPause = time.Second
	// farewell is how long events are still written for once the process stops.
	farewell = 2 * time.Second
)

// About is the object an event is about. UID may be empty; a namespace is empty for what stands outside of namespaces.
type About struct{ APIVersion, Kind, Namespace, Name, UID string }

// Events writes one component's events. It is safe for concurrent use.
type Events struct {
	client    *Client
	component string
	queue     chan occurrence
	dropped   atomic.Int64
	// What follows is Run's alone.
	memory  memory
	written int64 // how many were, so that no two have one name
	failing bool  // the last one was not written
}

// occurrence is something that happened.
type occurrence struct {
	about           About
	kind            string // Normal or Warning
	reason, message string
	at              time.Time
}

// Events writes nothing until it is run.
func (c *Client) Events(component string) *Events {
	return &Events{client: c, component: component, queue: make(chan occurrence, queued), memory: newMemory()}
}

// Event tells of something that happened to an object, as a warning or as news. It never blocks: when too many wait, it
// is dropped, and a line in the log says how many were. The message is cut to 1024 bytes. The same again raises a count
// on the event that is there; what happens to one object all the time is counted and written ever more rarely.
func (e *Events) Event(about About, warning bool, reason, message string) {
	kind := "Normal"
	if warning {
		kind = "Warning"
	}
	if len(message) > longestMessage {
		message = strings.ToValidUTF8(message[:longestMessage-3], "") + "..."
	}
	select {
	case e.queue <- occurrence{about, kind, reason, message, e.client.clock.Now()}:
	default:
		e.dropped.Add(1)
	}
}

// Run writes what is told until ctx ends, then what still waits, for two seconds at most, and returns nil.
func (e *Events) Run(ctx context.Context) error {
	calling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		over, stop := e.client.clock.After(farewell)
		defer stop()
		select {
		case <-over:
			cancel()
		case <-calling.Done():
		}
	})()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case o := <-e.queue:
			e.write(ctx, calling, o)
		}
	}
	for calling.Err() == nil {
		select {
		case o := <-e.queue:
			e.write(ctx, calling, o)
		default:
			return nil
		}
	}
	return nil
}

// write brings one occurrence to the API server, as a new event or as a count on one that is there. It has patience
// until ctx ends, and calls until calling does.
func (e *Events) write(ctx, calling context.Context, o occurrence) {
	if n := e.dropped.Swap(0); n > 0 {
		e.client.log.Warn("events were dropped, because too many waited", slog.Int64(logkey.Count, n))
	}
	t := e.memory.note(o)
	if !e.memory.allowed(o) {
		return
	}
	err := e.patiently(ctx, func() error { return e.put(calling, o, t) })
	switch {
	case err == nil:
		e.failing = false
	case !e.failing:
		e.failing = true
		e.client.log.Warn("an event was not written", slog.String(logkey.Reason, o.reason), slog.String(logkey.Error, fault.Explain(err)))
	}
}

// put writes once. An event that is counted on may be gone: the API server keeps them for an hour.
func (e *Events) put(ctx context.Context, o occurrence, t *told) error {
	if t.name != "" {
		_, err := e.client.raw(ctx, merge(events.at(t.namespace, t.name), map[string]any{
			"count": t.count, "lastTimestamp": stamp(o.at),
		}))
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		t.begin(o)
	}
	e.written++
	object := e.object(o, t)
	if _, err := e.client.raw(ctx, object.create()); err != nil {
		return err
	}
	t.name, t.namespace = object.Metadata.Name, object.Metadata.Namespace
	return nil
}

// patiently tries again while there is no answer, or the server asks to wait.
func (e *Events) patiently(ctx context.Context, try func() error) error {
	pause := eventPause
	for n := 1; ; n++ {
		err := try()
		kind := fault.KindOf(err)
		if err == nil || n == eventTries || kind != fault.Unavailable && kind != fault.Throttled {
			return err
		}
		if !clock.Sleep(ctx, e.client.clock, max(pause, fault.RetryAfterOf(err))) {
			return err
		}
		pause *= 2
	}
}
