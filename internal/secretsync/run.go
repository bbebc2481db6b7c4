package secretsync

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/fault"
)

// grace is how long a Secret that was deleted stays away. One whose owner is deleted goes at the same time as the owner's
// pods, and a node may learn of it sooner.
const grace = time.Second

// Run tries again what failed, and looks after Secrets that somebody else changed, until ctx ends.
func (s *Syncer) Run(ctx context.Context) error {
	for {
		due, next := s.due(s.Clock.Now())
		s.round(ctx, due)
		if ctx.Err() != nil {
			return nil
		}
		if len(due) > 0 {
			continue // time has passed
		}
		s.idle(ctx, next)
	}
}

// idle waits until something may be due; a zero next is not known yet.
func (s *Syncer) idle(ctx context.Context, next time.Time) {
	var fired <-chan time.Time
	if !next.IsZero() {
		timer, stop := s.Clock.After(next.Sub(s.Clock.Now()))
		defer stop()
		fired = timer
	}
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-fired:
	}
}

// due takes out what is due, and says when the next will be.
func (s *Syncer) due(now time.Time) (due []*claim, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.secrets {
		for _, c := range k.claims {
			switch {
			case c.due.IsZero():
			case !c.due.After(now):
				c.due = time.Time{}
				due = append(due, c)
			case next.IsZero() || c.due.Before(next):
				next = c.due
			}
		}
	}
	slices.SortFunc(due, func(a, b *claim) int {
		return cmp.Or(cmp.Compare(a.on.namespace, b.on.namespace), cmp.Compare(a.on.name, b.on.name), cmp.Compare(a.class, b.class))
	})
	return due, next
}

func (s *Syncer) round(ctx context.Context, due []*claim) {
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, c := range due {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, s.Patience)
			defer cancel()
			s.work(ctx, c, occasion{due: true})
			return nil
		})
	}
	_ = group.Wait() // what failed is told where it failed
}

// Changed is told by a watch that a Secret with the label of managed ones is in a version now, or that it was deleted. What
// is in order in that version, or in a later one, is left alone. A deletion is always looked at, since its version may be
// that of the Secret's last change.
func (s *Syncer) Changed(namespace, name, resourceVersion string, deleted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.secrets[id{namespace, name}]
	if k == nil {
		return
	}
	at := s.Clock.Now()
	if deleted {
		at = at.Add(grace)
	} else if newer(resourceVersion, k.heard) {
		k.heard = resourceVersion
	}
	for _, c := range k.claims {
		c.doubted = c.doubted || deleted
		if (deleted || newer(resourceVersion, c.version)) && fault.KindOf(c.failure) != fault.Denied {
			c.lookAt(at)
		}
	}
	s.rouse()
}

// ClassChanged is told that a class was made, changed or deleted: what its Secrets kept others of its namespace from may
// be free now.
func (s *Syncer) ClassChanged(namespace, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.secrets {
		for _, c := range k.claims {
			if k.namespace == namespace && c.failure != nil && fault.KindOf(c.failure) == fault.Invalid {
				c.lookAt(s.Clock.Now())
			}
		}
	}
	s.rouse()
}

// lookAt makes a claim due at a time, unless it is sooner, or others' changes are to wait for longer.
func (c *claim) lookAt(at time.Time) {
	if calm := c.restoredAt.Add(c.calm); calm.After(at) {
		at = calm
	}
	if c.due.IsZero() || at.Before(c.due) {
		c.due = at
	}
}

// newer compares resourceVersions. They are numbers that grow; were they not, every one that differs would count as
// newer, at the price of a read.
func newer(version, than string) bool {
	a, errA := strconv.ParseUint(version, 10, 64)
	b, errB := strconv.ParseUint(than, 10, 64)
	if errA != nil || errB != nil {
		return version != than && version != ""
	}
	return a > b
}
