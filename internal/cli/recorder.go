package cli

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
	"strongroom/internal/volume"
)

// recorder turns what happened to a volume into metrics and, at transitions, into log lines. A failed first mount is
// logged by the door that answers it; a failed republish is answered with success and so is told here. It remembers
// how old each mounted volume's content is: that age grows between publishes, and most of all when none comes.
type recorder struct {
	log     *slog.Logger
	metrics *telemetry.Metrics
	clock   clock.Clock

	onDisk sync.Once // the warning that volumes are plain directories

	standings publish.Standings

	mu    sync.Mutex
	asked map[string]time.Time // by target: when what it serves was asked of the store
}

func newRecorder(log *slog.Logger, metrics *telemetry.Metrics, clock clock.Clock) *recorder {
	r := &recorder{log: log, metrics: metrics, clock: clock, asked: map[string]time.Time{}}
	metrics.WatchOldest(r.oldest)
	return r
}

// Published implements publish.Recorder. What the timer did by itself is no publish of the kubelet's.
func (r *recorder) Published(record publish.Record) {
	was, is := r.standings.Note(record)
	switch {
	case record.Err != nil && record.First:
		r.metrics.PublishFailed(record.Provider, errorType(record.Stage))
	case record.Err != nil:
		r.metrics.RotationFailed(record.Provider, errorType(record.Stage))
		r.failing(record, was)
	default:
		if !record.Timed {
			r.metrics.Published(record.Provider)
		}
		r.succeeded(record, was, is)
	}
	r.age(record, is)
}

// Unpublished implements publish.Recorder.
func (r *recorder) Unpublished(target string, err error) {
	if err != nil {
		r.metrics.UnpublishFailed()
		return
	}
	r.metrics.Unpublished()
	r.Forgotten(target)
}

// Forgotten implements publish.Recorder.
func (r *recorder) Forgotten(target string) {
	r.standings.Forget(target)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asked, target)
}

// errorType is the label that dashboards of the replaced driver know a failure of a stage by.
func errorType(stage publish.Stage) string {
	switch stage {
	case publish.LookingAtIt:
		return telemetry.FailedToEnsureMountPoint
	case publish.FindingClass:
		return telemetry.SecretProviderClassMissing
	case publish.MakingTarget:
		return telemetry.FailedToMount
	case publish.WritingFiles:
		return telemetry.FileWriteError
	default:
		return telemetry.GRPCProviderError
	}
}

// failing warns once when a volume begins to fail, and at debug level after that.
func (r *recorder) failing(record publish.Record, was publish.Standing) {
	level := slog.LevelDebug
	if was != publish.Unrefreshed {
		level = slog.LevelWarn
	}
	r.log.Log(context.Background(), level, "mounted content could not be refreshed; the files stay as they are",
		logkey.Pod, record.Pod.String(), logkey.Class, record.ClassName, logkey.Error, fault.Explain(record.Err),
		"age", record.Age.Round(time.Second).String(), "since", record.Failing)
}

func (r *recorder) succeeded(record publish.Record, was, is publish.Standing) {
	if !record.Skipped && !record.First {
		r.metrics.Rotated(record.Provider, record.Took)
	}
	switch {
	case is == publish.Stale && was != publish.Stale:
		r.log.Warn("the store cannot be asked; mounted content is the last known good",
			logkey.Pod, record.Pod.String(), logkey.Class, record.ClassName, "age", record.Age.Round(time.Second).String())
	case is == publish.Fresh && (was == publish.Stale || was == publish.Unrefreshed):
		r.log.Info("mounted content is fresh again", logkey.Pod, record.Pod.String(), logkey.Class, record.ClassName)
	case record.Change.Changed && !record.First:
		r.log.Info("mounted content was rotated", logkey.Pod, record.Pod.String(), logkey.Class, record.ClassName,
			"updated", record.Change.Updated, "added", record.Change.Added, "removed", record.Change.Removed)
	}
	if record.First && record.Backing == volume.BackingPlain {
		r.onDisk.Do(func() { r.warn(record) })
	}
}

// warn says loudly, but not for every pod, that secrets are on disk.
func (r *recorder) warn(record publish.Record) {
	if runtime.GOOS == "windows" {
		r.log.Info("volumes are plain directories on this node's disk, as everywhere on Windows", logkey.Target, record.Target)
		return
	}
	r.log.Warn("volumes are plain directories: the secrets are on this node's disk, not in memory; give the driver the privilege to mount tmpfs",
		logkey.Target, record.Target)
}

// age observes how old is what the volume serves. Content an earlier process mounted is of unknown age until it is
// fetched again; while that fails it is at least as old as the failing.
func (r *recorder) age(record publish.Record, is publish.Standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if is == publish.Unknown {
		delete(r.asked, record.Target)
		return
	}
	age := record.Age
	if !record.Failing.IsZero() {
		age = max(age, record.At.Sub(record.Failing))
	}
	r.asked[record.Target] = record.At.Add(-age)
	r.metrics.ServedAge(age, is != publish.Fresh)
}

// oldest is the greatest age of anything mounted; 0 when nothing is.
func (r *recorder) oldest() (age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	for _, asked := range r.asked {
		age = max(age, now.Sub(asked))
	}
	return age
}
