package podstatus

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Pauses between tries of what the cluster refused or did not answer.
const (
	firstPause = time.Second
	mostPause  = 5 * time.Minute
)

func pause(failures int, err error) time.Duration {
	return max(clock.Backoff(failures, firstPause, mostPause), fault.RetryAfterOf(err))
}

func errorAttr(err error) slog.Attr { return slog.String(logkey.Error, fault.Explain(err)) }

// step does what is due, and says how long to wait for the next thing that will be, if anything.
func (r *Recorder) step(ctx context.Context, work *sync.WaitGroup) (wait time.Duration, waiting bool) {
	now := r.Clock.Now()
	var events []event
	defer func() {
		for _, e := range events {
			r.Events.Event(e.about, e.warning, e.reason, e.message)
		}
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	var next time.Time
	later := func(due time.Time) {
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	r.listLocked(ctx, work, now, later)
	if !r.listing.tried {
		return 0, false // its end wakes
	}
	for _, u := range r.inOrderLocked() {
		events = append(events, u.news(now)...)
		r.considerLocked(ctx, work, u, now, later)
	}
	return next.Sub(now), !next.IsZero()
}

// inOrderLocked lists what is to be looked at, in the order of its coming: who waits longest is written first.
func (r *Recorder) inOrderLocked() (list []*use) {
	for _, u := range r.uses {
		if u.dirty && !r.writing[u.object] {
			list = append(list, u)
		}
	}
	slices.SortFunc(list, func(a, b *use) int { return int(a.order) - int(b.order) })
	return list
}

// listLocked asks once what the cluster holds, until it says.
func (r *Recorder) listLocked(ctx context.Context, work *sync.WaitGroup, now time.Time, later func(time.Time)) {
	l := &r.listing
	switch {
	case l.done || l.busy || r.unfit != nil:
	case l.due.After(now):
		later(l.due)
	default:
		l.busy = true
		work.Go(func() { r.listed(r.Statuses.List(ctx)) })
	}
}

// considerLocked writes a use's object when it says something new, when that is allowed, and when there is a hand free.
func (r *Recorder) considerLocked(ctx context.Context, work *sync.WaitGroup, u *use, now time.Time, later func(time.Time)) {
	if u.unfit != nil || r.newest[u.object] != u {
		u.dirty = false
		return
	}
	if !r.listing.done {
		return
	}
	status := u.status(r.Node)
	u.shown = &status
	switch {
	case !u.unsure && same(u.shown, u.written):
		u.dirty = false
	case u.due.After(now):
		later(u.due)
	case len(r.writing) < r.Workers:
		u.dirty = false
		r.writing[u.object] = true
		work.Go(func() { r.wrote(ctx, u, status, r.Statuses.Write(ctx, status)) })
	}
}

// wrote takes in how a write went.
func (r *Recorder) wrote(ctx context.Context, u *use, status secretsstore.PodStatus, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.wake()
	delete(r.writing, u.object)
	standing := len(u.mounts) > 0
	was := u.failures > 0
	if err == nil {
		u.written, u.unsure, u.failures, u.due = &status, false, 0, time.Time{}
	} else {
		u.unsure, u.dirty = true, true
		u.failures++
		u.due = r.Clock.Now().Add(pause(u.failures, err))
	}
	if standing && ctx.Err() == nil {
		r.tellLocked(u, was, err)
	}
}

// tellLocked logs when writing begins to fail and when all is written again. What fails for one pod often fails for all:
// that is one line, and the rest at debug level.
func (r *Recorder) tellLocked(u *use, was bool, err error) {
	switch {
	case err != nil && !was:
		r.failing++
		level := slog.LevelDebug
		if r.failing == 1 {
			level = slog.LevelWarn
		}
		r.Log.LogAttrs(context.Background(), level, "a pod status could not be written; it is tried again while the volume stands",
			slog.String(logkey.Pod, u.pod.String()), slog.String(logkey.Class, u.class), errorAttr(err))
	case err == nil && was:
		if r.failing--; r.failing == 0 {
			r.Log.Info("all pod statuses are written again")
		}
	}
}
