package secretsync

import (
	"context"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/publish"
)

// parallel is how many Secrets are worked on at a time, for one volume or in one round of Run.
const parallel = 4

// occasion is why a claim is looked at.
type occasion struct {
	moved bool // content or class of a volume may have changed
	due   bool // Run's time for it has come
}

// Mounted implements publish.Follower: it brings the Secrets of the volume's class in order before it returns, or notes
// what failed for Run. It costs nothing when the class asks for no Secret, and no call when nothing changed.
func (s *Syncer) Mounted(ctx context.Context, m publish.Mounted) {
	wishes, moved := s.meet(m)
	if len(wishes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, w := range wishes {
		group.Go(func() error {
			s.attend(ctx, w, occasion{moved: moved})
			return nil
		})
	}
	_ = group.Wait() // what failed is told where it failed
}

func (s *Syncer) attend(ctx context.Context, w *wish, why occasion) {
	if w.claim == nil {
		s.tell(w, w.problem)
		return
	}
	s.work(ctx, w.claim, why)
}

// work has a claim's Secret brought in order, and tells its pods how that went.
func (s *Syncer) work(ctx context.Context, c *claim, why occasion) {
	if err := c.on.enter(ctx); err != nil {
		s.failed(c, err)
		return
	}
	defer c.on.leave()
	if held := s.held(c, why); held != nil {
		s.announce(c, held)
		return
	}
	if err := s.bring(ctx, c, why); err != nil {
		s.failed(c, err)
		return
	}
	s.succeeded(c)
}
