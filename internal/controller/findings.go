// Package controller is what one replica does for the whole cluster: it judges every class before any pod mounts it, and
// takes the start-up taint off nodes whose driver is there. It keeps nothing that a successor could not find out anew: what
// a replica that no longer leads knew goes with it.
package controller

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Classes is the cluster's classes as they are watched.
type Classes interface {
	// Synced is true once every class has been seen.
	Synced() bool
	List() []secretsstore.Class
}

// Decoder knows the parameters of one provider's classes. It is asked often and by several at once, and looks at nothing
// but the class.
type Decoder interface {
	// Decode gives every problem of a class as one error; a fault.List is told one by one.
	Decode(class secretsstore.Class) (Decoded, error)
}

// Decoded is what a class without a problem comes to.
type Decoded struct {
	Notes []string               // what stops nothing
	Files func(path string) bool // whether a mounted volume may have this file; nil where nobody can tell
}

// Reporter tells people of a class's condition.
type Reporter interface {
	// WriteClassStatus replaces our conditions of a class, as they are for this generation of it.
	WriteClassStatus(ctx context.Context, namespace, name string, generation int64, status secretsstore.ClassStatus) error
	// ClassEvent tells once, and does not wait.
	ClassEvent(class secretsstore.Class, warning bool, reason, message string)
}

// Config is what Findings need.
type Config struct {
	Classes  Classes
	Decoders map[string]Decoder // by provider name
	Reporter Reporter
	Clock    clock.Clock
	Log      *slog.Logger
}

// Findings keep the condition Accepted of every class true. Make them with NewFindings, for one Run.
type Findings struct {
	Config
	classes *catalogue
	ledger  *ledger
	queue   *queue[id]
	pace    *pace

	mu    sync.Mutex
	found map[id]string // the status each class deserved when it was last looked at
}

// NewFindings starts nothing.
func NewFindings(cfg Config) *Findings {
	return &Findings{
		Config: cfg, classes: newCatalogue(), ledger: &ledger{entries: map[id]*entry{}},
		queue: newQueue[id](cfg.Clock), pace: &pace{clock: cfg.Clock}, found: map[id]string{},
	}
}

// Changed takes a class as it is now; nil when it is gone. It may be called before Run and does not wait.
func (f *Findings) Changed(namespace, name string, class *secretsstore.Class) {
	at := id{namespace, name}
	for _, affected := range f.classes.set(at, class) {
		f.queue.add(affected)
	}
}

const (
	atOnce    = 4                      // how many classes are looked at and written at a time
	syncCheck = 100 * time.Millisecond // how often it is looked whether every class was seen
)

// Run judges until ctx is done, and returns nil then. It waits until every class has been seen: whether two of them make
// one Secret cannot be told before.
func (f *Findings) Run(ctx context.Context) error {
	for !f.Classes.Synced() {
		fired, stop := f.Clock.After(syncCheck)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-fired:
		}
	}
	for _, at := range f.classes.list(f.Classes.List()) {
		f.queue.add(at)
	}
	f.queue.run(ctx, atOnce, f.look, f.failed)
	return nil
}

// look judges one class and writes what has changed.
func (f *Findings) look(ctx context.Context, at id) error {
	class, ok := f.classes.get(at)
	if !ok {
		f.ledger.forget(at)
		f.note(at, "")
		return nil
	}
	known, found := f.ledger.known(class), f.judge(class)
	f.note(at, found.Status)
	found.LastTransitionTime = known.LastTransitionTime
	if found.Status != known.Status {
		found.LastTransitionTime = f.moment(found)
	}
	if same(known, found) {
		return nil
	}
	if err := f.pace.wait(ctx); err != nil {
		return err
	}
	if err := f.Reporter.WriteClassStatus(ctx, at.namespace, at.name, class.Metadata.Generation, statusOf(found)); err != nil {
		return mended(err)
	}
	f.ledger.wrote(class, found)
	if found.Status != known.Status {
		f.tell(class, found)
	}
	return nil
}

func (f *Findings) note(at id, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if status == "" {
		delete(f.found, at)
		return
	}
	f.found[at] = status
}

// Counts is how many classes are accepted and how many rejected, as far as they have been looked at.
func (f *Findings) Counts() (accepted, rejected int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, status := range f.found {
		if status == secretsstore.True {
			accepted++
		}
	}
	return accepted, len(f.found) - accepted
}

// moment is the time in whole seconds, as an API server keeps it; none for no condition.
func (f *Findings) moment(c secretsstore.Condition) time.Time {
	if c.Status == "" {
		return time.Time{}
	}
	return f.Clock.Now().UTC().Truncate(time.Second)
}

func statusOf(c secretsstore.Condition) secretsstore.ClassStatus {
	if c.Status == "" {
		return secretsstore.ClassStatus{}
	}
	return secretsstore.ClassStatus{Conditions: []secretsstore.Condition{c}}
}

func (f *Findings) tell(class secretsstore.Class, found secretsstore.Condition) {
	switch found.Status {
	case secretsstore.True:
		f.Reporter.ClassEvent(class, false, "Accepted", found.Message)
		f.Log.Info("class accepted", logkey.Class, idOf(class).String())
	case secretsstore.False:
		f.Reporter.ClassEvent(class, true, "Rejected", found.Message)
		f.Log.Info("class rejected", logkey.Class, idOf(class).String(), logkey.Error, found.Message)
	}
}

// mended says why a class that is there may have no status to be written.
func mended(err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return fault.Wrap(err, fault.NotFound, "", "there is no such status to write").Mend("strongroom crds --apply, if the class is there: its definition has no status")
}

// failed tells once of a class that cannot be written. What is not found may just have been deleted, and is then gone from
// here as well before it is tried again.
func (f *Findings) failed(at id, times int, err error) {
	level, told := slog.LevelDebug, 1
	if fault.KindOf(err) == fault.NotFound {
		told = 2
	}
	if times == told {
		level = slog.LevelWarn
	}
	f.Log.Log(context.Background(), level, "class status not written; tried again", logkey.Class, at.String(), "times", times, logkey.Error, fault.Explain(err))
}
