package secretsync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// tries is how often a write is begun anew when others were faster, and firstWait how long the second of these waits;
// each later one waits twice as long. Nobody is asked to roll dice: whoever lost finds the winner's work done, mostly.
const (
	tries     = 6
	firstWait = 10 * time.Millisecond
)

// settle reads the live Secret and applies what it lacks, to just that Secret. The errors of the store keep their kinds.
func (s *Syncer) settle(ctx context.Context, c *claim, w want, why occasion) error {
	began := s.Clock.Now()
	for try := range tries {
		if err := s.waitFor(ctx, try); err != nil {
			return fault.Wrap(err, fault.Unavailable, "", "secret %s was not written in time", w.id)
		}
		s.trust(c)
		live, v, err := s.look(ctx, w)
		if err != nil {
			return err
		}
		if v.next == nil {
			s.stands(c, w, live, v)
			return nil
		}
		after, err := s.Secrets.Apply(ctx, *v.next)
		if fault.KindOf(err) == fault.Busy && err != nil {
			continue
		}
		if err != nil {
			return refused(err, w.id, "written")
		}
		after.Owners = union(after.Owners, v.next.Owners) // one that Kubernetes has taken away at once is not asked for again and again
		s.stands(c, w, after, v)
		s.wrote(c, w, v, s.Clock.Now().Sub(began), why)
		return nil
	}
	return fault.New(fault.Busy, "", "secret %s was written by somebody else each of %d times", w.id, tries).
		Mend("nothing needs to be done: it is tried again")
}

// trust ends the doubt about a Secret right before it is looked at: what is said after that is new.
func (s *Syncer) trust(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.doubted = false
}

func (s *Syncer) waitFor(ctx context.Context, try int) error {
	if try < 2 { // the first try, and another at once
		return ctx.Err()
	}
	fired, stop := s.Clock.After(firstWait << (try - 2))
	defer stop()
	select {
	case <-fired:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look reads the live Secret and judges it.
func (s *Syncer) look(ctx context.Context, w want) (Secret, verdict, error) {
	live, err := s.Secrets.Get(ctx, w.namespace, w.name)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return Secret{}, verdict{next: w.fresh()}, nil
	case err != nil:
		return Secret{}, verdict{}, refused(err, w.id, "read")
	case !managed(live):
		return Secret{}, verdict{}, foreign(w)
	}
	if err := s.rival(ctx, live, w); err != nil {
		return Secret{}, verdict{}, err
	}
	v, err := s.digest.judge(live, w)
	return live, v, err
}

// rival refuses a Secret that is another class's, as long as that class is there and names it still.
func (s *Syncer) rival(ctx context.Context, live Secret, w want) error {
	other := live.Annotations[AnnotationClass]
	if other == "" || other == w.class {
		return nil
	}
	class, err := s.Classes.Class(ctx, w.namespace, other)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return nil
	case err != nil:
		return fault.Wrap(err, fault.KindOf(err), "", "cannot tell whether class %s still names secret %s", other, w.id)
	case slices.ContainsFunc(class.Spec.SecretObjects, func(o secretsstore.SecretObject) bool { return strings.TrimSpace(o.SecretName) == w.name }):
		return contested(w, other)
	}
	return nil
}

// refused says which operation failed. The words about a forbidden one are what people search for.
func refused(err error, secret id, operation string) error {
	kind := fault.KindOf(err)
	if kind == fault.Denied {
		return fault.Wrap(err, kind, "", "the secret operation was forbidden: secret %s could not be %s", secret, operation).
			Mend(remedy)
	}
	return fault.Wrap(err, kind, "", "secret %s could not be %s", secret, operation)
}

// stands notes that a Secret is in order, in this version.
func (s *Syncer) stands(c *claim, w want, live Secret, v verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.standing = standing{
		doubted: c.doubted, // while it was looked at
		version: live.ResourceVersion,
		judged:  s.digest.of(w.content),
		live:    s.digest.of(w.shown(live)),
		ahead:   v.ahead,
		owners:  live.Owners,
	}
}

// wrote tells of a write.
func (s *Syncer) wrote(c *claim, w want, v verdict, took time.Duration, why occasion) {
	if why.due && v.ahead.IsZero() {
		s.restored(c)
	}
	if s.Meter != nil {
		s.Meter.SecretSynced(w.provider, took)
	}
	s.Log.Info("wrote a Kubernetes Secret", logkey.Secret, w.id.String(), logkey.Class, w.namespace+"/"+w.class,
		logkey.Pod, w.pod.String(), logkey.Took, took.String())
	if v.rotates {
		s.Events.Event(w.pod, false, ReasonRotated, fmt.Sprintf("secret %s was brought up to date with class %s", w.id, w.class))
	}
}
