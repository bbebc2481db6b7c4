// Package podstatus tells people and tools of a cluster what its pods have mounted: one SecretProviderClassPodStatus per
// pod and class, and events on the pod.
//
// It is calm. An object is written when it says something else than what was last written, and nothing stands in it that
// changes with every check: ages and times of checking are metrics. Events are told when a pod's content begins to fare
// otherwise, not while it does; of a pod that changes to and fro, only a few. After a restart it begins with what the
// cluster holds, so that a new driver is no news.
//
// A first mount that fails is told by the kubelet, from the driver's answer; nothing is said twice.
//
// Two volumes of one pod with one class share one object, whose name is a contract. It shows the volume whose target
// comes first in the alphabet, and how the worse of the two fares.
package podstatus

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
)

// Statuses are this node's SecretProviderClassPodStatuses.
type Statuses interface {
	List(ctx context.Context) ([]secretsstore.PodStatus, error)
	// Write creates the object, or replaces what it says.
	Write(ctx context.Context, status secretsstore.PodStatus) error
}

// Events takes events about objects. It must not block.
type Events interface {
	Event(about About, warning bool, reason, message string)
}

// About names the object that an event is about.
type About struct {
	APIVersion, Kind, Namespace, Name, UID string
}

// Config is what a Recorder needs. Node, Statuses, Events and Clock are required.
type Config struct {
	// Node is this node's name, the label that other people's tools select by.
	Node     string
	Statuses Statuses
	Events   Events
	Clock    clock.Clock
	// Log hears of what keeps objects from being written, at transitions. Nil is nowhere.
	Log *slog.Logger
	// Workers is how many objects may be written at once; 0 means 4.
	Workers int
}

// Recorder is a publish.Recorder that never waits: what it is told of is written by Run. It may be run once.
type Recorder struct {
	Config
	standings publish.Standings
	unfit     *fault.Error  // why this node's objects cannot be written at all; nil when they can
	woken     chan struct{} // holds one wake-up

	mu       sync.Mutex
	uses     map[useKey]*use
	byTarget map[string]*use
	newest   map[objectKey]*use // who may write an object: pods come again by the same name
	order    uint64             // counts uses as they come
	listing  listing
	writing  map[objectKey]bool // writes under way
	failing  int                // uses whose latest write failed
}

// New makes a Recorder that knows of no volume.
func New(c Config) *Recorder {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Workers <= 0 {
		c.Workers = 4
	}
	r := &Recorder{
		Config: c, woken: make(chan struct{}, 1),
		uses: map[useKey]*use{}, byTarget: map[string]*use{}, newest: map[objectKey]*use{},
		writing: map[objectKey]bool{},
	}
	if r.unfit = nodeFits(c.Node); r.unfit != nil {
		r.listing.tried = true // nothing will be asked
	}
	return r
}

// Published implements publish.Recorder.
func (r *Recorder) Published(record publish.Record) {
	if record.Pod.UID == "" || record.ClassName == "" {
		return // nobody to tell it of
	}
	_, is := r.standings.Note(record)
	r.mu.Lock()
	defer r.mu.Unlock()
	if is == publish.Unknown {
		r.dropLocked(record.Target)
		return
	}
	r.noteLocked(record, is)
	r.wake()
}

// Unpublished implements publish.Recorder. The object stays until the cluster removes it with its pod.
func (r *Recorder) Unpublished(target string, err error) {
	if err == nil {
		r.Forgotten(target)
	}
}

// Forgotten implements publish.Recorder.
func (r *Recorder) Forgotten(target string) {
	r.standings.Forget(target)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(target)
}

// wake has Run look again.
func (r *Recorder) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// Run writes and tells until ctx is done, which is no error. What is not written by then is found by the next process.
func (r *Recorder) Run(ctx context.Context) error {
	if r.unfit != nil {
		r.Log.Error("no pod status can be written on this node", errorAttr(r.unfit))
	}
	var work sync.WaitGroup
	defer work.Wait()
	for {
		wait, waiting := r.step(ctx, &work)
		var over <-chan time.Time
		stop := func() {}
		if waiting {
			over, stop = r.Clock.After(wait)
		}
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-r.woken:
		case <-over:
		}
		stop()
	}
}
