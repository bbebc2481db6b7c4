package secretsync

import (
	"context"
	"errors"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// Waits between two tries of what failed, and between two restorations of what somebody else keeps changing.
const (
	shortestWait = 5 * time.Second
	longestWait  = 5 * time.Minute
)

// trouble is how a claim fared. Its zero value is: well, or not tried yet.
type trouble struct {
	failure error
	tries   int       // failures in a row
	due     time.Time // when Run looks at it; zero: when something happens

	restoredAt time.Time     // when content that others had changed was last put back
	calm       time.Duration // how long the next such change has to wait from then
}

// waitAfter is the wait after so many failures of a kind in a row. A missing permission is not granted within seconds,
// and every Secret of a node lacks it: that is always the longest wait.
func waitAfter(failures int, kind fault.Kind) time.Duration {
	if kind == fault.Denied {
		return longestWait
	}
	return clock.Backoff(failures, shortestWait, longestWait)
}

// held is the failure that a claim is to be left alone with for now. A volume whose content or class moved is worth a
// try, since somebody may just have mended something; a missing permission is not.
func (s *Syncer) held(c *claim, why occasion) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := !why.due && s.Clock.Now().Before(c.due)
	if c.failure == nil || !waiting || why.moved && fault.KindOf(c.failure) != fault.Denied {
		return nil
	}
	return c.failure
}

// failed notes a failure for Run and tells the pods. Two kinds are not told yet: that of a caller who went away, and that
// of losing to others, who do the same work.
func (s *Syncer) failed(c *claim, err error) {
	kind := fault.KindOf(err)
	s.mu.Lock()
	c.failure = err
	c.tries++
	c.standing = standing{}
	c.due = s.Clock.Now().Add(waitAfter(c.tries, kind))
	quiet := errors.Is(err, context.Canceled) || kind == fault.Busy && c.tries < 3
	s.mu.Unlock()
	s.rouse()
	if !quiet {
		s.announce(c, err)
	}
}

// succeeded notes that all is well, but for pods that were not known: those are looked for again.
func (s *Syncer) succeeded(c *claim) {
	s.mu.Lock()
	c.failure = nil
	unmet := false
	for w := range c.wishes {
		unmet = unmet || w.known && !w.met
	}
	if unmet {
		c.tries++
		c.due = s.Clock.Now().Add(waitAfter(c.tries, fault.NotFound))
	} else {
		c.tries = 0
	}
	s.mu.Unlock()
	if unmet {
		s.rouse()
	}
	s.announce(c, nil)
}

// restored makes the next restoration wait, and each one longer while somebody keeps undoing them.
func (s *Syncer) restored(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock.Now()
	if now.Sub(c.restoredAt) > 2*longestWait {
		c.calm = 0
	}
	c.restoredAt = now
	c.calm = min(max(shortestWait, 2*c.calm), longestWait)
}

// rouse has Run look what is due.
func (s *Syncer) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // it is told already
	}
}
