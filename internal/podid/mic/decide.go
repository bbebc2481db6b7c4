package mic

import (
	"maps"
	"slices"
	"time"

	"strongroom/internal/azure/arm"
)

// action is what a worker does next.
type action int

const (
	rest   action = iota // until something changes
	pause                // until a time, or until something changes
	read                 // ask Azure what the machine has
	update               // tell Azure what it is to have
	poll                 // ask how the update is going
)

// step is an action with what it needs.
type step struct {
	do     action
	until  time.Time // of a pause
	change arm.Change
}

const (
	// believed is how old what is known of a machine may be for an update to be made by it: others may have added the
	// very identity, and then it is not ours to take off.
	believed = 30 * time.Second
	// settling is how often a machine is looked at whose identities may not have reached it yet, and patience how long.
	settling = 5 * time.Second
	patience = 15 * time.Minute
	// mendAgain is how long a dead entry is left alone that came back dead.
	mendAgain = 30 * time.Minute
)

// next decides. It changes nothing.
func (r *resource) next(now time.Time, p policy) step {
	switch {
	case r.flight != nil && now.Before(r.flight.due):
		return step{do: pause, until: r.flight.due}
	case r.flight != nil:
		return step{do: poll}
	case !r.needed():
		return step{do: rest}
	case now.Before(r.notBefore):
		return step{do: pause, until: r.notBefore}
	case !r.known || now.Sub(r.read) >= p.reconcile:
		return step{do: read}
	}
	change, later := r.change(now, p)
	if len(change.Add)+len(change.Remove) > 0 {
		ripe := earliest(r.newChange.Add(gather), r.firstChange.Add(gatherMax))
		switch {
		case len(change.Add) > 0 && now.Before(ripe):
			return step{do: pause, until: ripe}
		case len(change.Add) > 0 && !r.believable(now), len(change.Remove) > 0 && (now.Sub(r.sure) >= believed || r.moved):
			return step{do: read}
		}
		return step{do: update, change: change}
	}
	later = earliest(later, r.read.Add(p.reconcile))
	if len(r.unsettled) > 0 {
		later = earliest(later, r.read.Add(settling))
	}
	if !now.Before(later) {
		return step{do: read}
	}
	return step{do: pause, until: later}
}

// believable reports whether what is known of a machine will do for adding to it: whoever attached an identity by hand and
// then let pods use it keeps it when they go. So the machine must have been looked at since the newest wish came up. The
// wishes of one burst share a look: nobody's update begins and ends within the time they are gathered for, and one that
// goes on refuses ours. That updates of our own have landed since says nothing of others' between them.
func (r *resource) believable(now time.Time) bool {
	return now.Sub(r.read) < believed && !r.read.Before(r.asked.Add(-gatherMax))
}

// change is what the next update does, and when there will be more to do; the zero time is never. Identities that were
// refused before are tried without others, whom they would take down with them.
func (r *resource) change(now time.Time, p policy) (c arm.Change, later time.Time) {
	var again, mend []string
	for _, id := range slices.Sorted(maps.Keys(r.wanted)) {
		entry, there := r.held.Identities[id]
		if there && !r.mendable(now, id, entry) {
			continue
		}
		parked := r.parked[id]
		switch {
		case parked != nil && now.Before(parked.until):
			later = earliest(later, parked.until)
		case there:
			mend = append(mend, id)
		case parked != nil:
			again = append(again, id)
		default:
			c.Add = append(c.Add, id)
		}
	}
	if len(c.Add) == 0 && len(mend) == 0 {
		c.Add = again
	}
	removable, next := r.removable(now, p)
	c.Remove = append(mend, removable...)
	c.Add = c.Add[:min(len(c.Add), r.width)]
	c.Remove = c.Remove[:min(len(c.Remove), r.width-len(c.Add))]
	return c, earliest(later, next)
}

// mendable reports whether an entry is dead and ours, and has not just been mended.
func (r *resource) mendable(now time.Time, id string, entry arm.HeldIdentity) bool {
	mended := r.mended[id]
	return r.dead(id, entry) && !r.holding[id] && !r.owned[id].IsZero() && (mended.IsZero() || now.Sub(mended) >= mendAgain)
}

// removable are identities of ours that nobody has needed for long enough, and when there will be more.
func (r *resource) removable(now time.Time, p policy) (ids []string, later time.Time) {
	for _, id := range slices.Sorted(maps.Keys(r.owned)) {
		since := r.unused[id]
		entry, there := r.held.Identities[id]
		if since.IsZero() || !there || p.keeps(entry.ClientID) {
			continue
		}
		due := since.Add(p.delay)
		if parked := r.parked[id]; parked != nil && due.Before(parked.until) {
			due = parked.until
		}
		if now.Before(due) {
			later = earliest(later, due)
			continue
		}
		ids = append(ids, id)
	}
	return ids, later
}

// earliest is the earlier of two times, of which the zero time is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func contains(ids []string, id string) bool { return slices.Contains(ids, id) }
