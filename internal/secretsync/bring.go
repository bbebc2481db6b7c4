package secretsync

import (
	"context"
	"maps"
	"slices"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secretsync/shape"
)

// bring does what a claim's Secret lacks; the caller has its turn. The error is about the Secret as a whole; what is wrong
// with one volume's files stands in its wish.
func (s *Syncer) bring(ctx context.Context, c *claim, why occasion) error {
	made, err := s.appraise(c)
	if err != nil {
		return err
	}
	if err := s.meetOwners(ctx, c, false); err != nil {
		return err
	}
	if lead := s.lead(c); lead == nil || !s.lacks(c, lead, why) {
		return nil
	}
	if err := s.meetOwners(ctx, c, true); err != nil { // a pod may have ended since
		return err
	}
	for lead := s.lead(c); lead != nil; lead = s.lead(c) {
		content, there := made[lead]
		if !there {
			content, err = s.read(lead)
		}
		if err != nil {
			return err
		}
		if content.Data != nil { // else what stands now makes no Secret any more, and the next one leads
			return s.settle(ctx, c, s.want(c, lead, content), why)
		}
	}
	return nil
}

// appraise finds out what each wish makes of its volume's files, where that is not known. What it made on the way is
// given back, so that the files are not read twice.
func (s *Syncer) appraise(c *claim) (map[*wish]shape.Made, error) {
	made := map[*wish]shape.Made{}
	for _, w := range s.wishes(c, func(w *wish) bool { return !w.known }) {
		content, err := s.read(w)
		if err != nil {
			return nil, err
		}
		if content.Data != nil {
			made[w] = content
		}
	}
	return made, nil
}

// read makes a wish's Secret of the files that stand now. Files that make none are the wish's problem and give a Made
// without data; an error means that they could not be read.
func (s *Syncer) read(w *wish) (shape.Made, error) {
	s.mu.Lock()
	edition, object, files, class := w.edition, w.object, w.volume.files, w.volume.class
	s.mu.Unlock()
	secret := w.claim.on.id
	list, err := files()
	if err != nil {
		return shape.Made{}, fault.Wrap(err, fault.KindOf(err), "", "failed to get mounted files of class %s/%s for secret %s, err", secret.namespace, class, secret.name)
	}
	made, problem := shape.Make(object, list)
	var print fingerprint
	if problem != nil {
		problem = fault.Wrap(problem, fault.Invalid, "", "failed to get data in spc %s/%s for secret %s, err", secret.namespace, class, secret.name)
	} else {
		print = s.digest.of(compose(class, made))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.edition == edition {
		w.known, w.print, w.problem = true, print, problem
	}
	if problem != nil {
		return shape.Made{}, nil
	}
	return made, nil
}

// meetOwners asks who owns the pods, of those not asked for yet or of all.
func (s *Syncer) meetOwners(ctx context.Context, c *claim, all bool) error {
	for _, w := range s.wishes(c, func(w *wish) bool { return all || !w.met }) {
		pod := w.volume.pod // never changes
		owners, finished, err := s.Pods.Owners(ctx, pod)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return fault.Wrap(err, fault.KindOf(err), "", "failed to fetch pod %s for secret %s, err", pod, c.on.id)
		}
		if len(owners) == 0 {
			owners = []secretsstore.Owner{{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}}
		}
		s.mu.Lock()
		// A pod that nobody knows is looked for again when it is mounted again, or when Run comes by.
		w.met, w.owners, w.finished = err == nil, owners, finished || err != nil
		s.mu.Unlock()
	}
	return nil
}

// lead is the wish whose content counts: that of the newest class, and then the one asked for last. It is nil when no
// wish of a living pod can be made.
func (s *Syncer) lead(c *claim) (best *wish) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range ordered(c.wishes) {
		if w.known && w.problem == nil && w.met && !w.finished && (best == nil || w.volume.newerThan(best.volume)) {
			best = w
		}
	}
	return best
}

func (v *volume) newerThan(other *volume) bool {
	if v.classUID == other.classUID && v.generation != other.generation {
		return v.generation > other.generation
	}
	if !v.asked.Equal(other.asked) {
		return v.asked.After(other.asked)
	}
	return false
}

// lacks says whether the API has to be asked at all.
func (s *Syncer) lacks(c *claim, lead *wish, why occasion) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := c.standing
	for w := range c.wishes {
		if w.met && !w.finished && len(union(known.owners, w.owners)) > len(known.owners) {
			return true
		}
	}
	switch {
	case c.failure != nil || known.version == "":
		return true
	case lead.print == known.live:
		// in order, as far as is known
	case lead.print != known.judged || lead.volume.asked.After(known.ahead) && !known.ahead.IsZero():
		return true
	}
	// Changes that others made are Run's to look at, in their time; but a volume that changed looks at once.
	return (why.due || why.moved) && (known.doubted || newer(c.on.heard, known.version))
}

func (s *Syncer) want(c *claim, lead *wish, made shape.Made) want {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := lead.volume
	w := want{id: c.on.id, class: c.class, provider: v.provider, pod: v.pod, content: compose(c.class, made), asked: v.asked}
	for _, other := range ordered(c.wishes) {
		if other.met && !other.finished {
			w.owners = union(w.owners, other.owners)
		}
	}
	return w
}

// wishes lists those of a claim that pass, in an order that does not change from one time to the next.
func (s *Syncer) wishes(c *claim, pass func(*wish) bool) []*wish {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(ordered(c.wishes), func(w *wish) bool { return !pass(w) })
}

func ordered(wishes map[*wish]bool) []*wish {
	return slices.SortedFunc(maps.Keys(wishes), func(a, b *wish) int {
		return strings.Compare(a.volume.target, b.volume.target)
	})
}
