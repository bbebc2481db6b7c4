package mic

import (
	"errors"
	"maps"
	"strings"
	"time"

	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// How long a machine is left alone after a failure, and a refused identity: twice as long each time.
const (
	firstWait, lastWait = 2 * time.Second, time.Minute
	lastRefused         = 5 * time.Minute
	firstPark, lastPark = 30 * time.Second, 30 * time.Minute
	pollFirst, pollLast = time.Second, 5 * time.Second
	pollTries           = 10
	// doubt is how long an update that nobody heard the answer of may still arrive.
	doubt = 2 * time.Minute
)

// hasRead takes what the machine has.
func (r *resource) hasRead(now time.Time, held arm.Held) {
	before := r.held
	r.held, r.known, r.read, r.sure, r.readFailures = held, true, now, now, 0
	if r.failures == 0 {
		r.err = nil
	}
	clear(r.fresh)
	r.moved = false
	settled := !strings.EqualFold(held.ProvisioningState, "Updating") && !strings.EqualFold(held.ProvisioningState, "Creating")
	unsettled := map[string]time.Time{}
	for id := range held.Identities {
		since := r.unsettled[id]
		_, seen := before.Identities[id]
		_, doubted := r.doubtful[id]
		switch {
		case settled || seen && since.IsZero() && !doubted || !r.owned[id].IsZero() && !doubted && since.IsZero():
		case since.IsZero():
			unsettled[id] = now
		case now.Sub(since) < patience:
			unsettled[id] = since
		}
	}
	r.unsettled = unsettled
	for id, since := range r.doubtful {
		_, there := held.Identities[id]
		if now.Sub(since) >= doubt || there && settled {
			delete(r.doubtful, id)
		}
	}
	for id := range r.owned {
		_, there := held.Identities[id]
		if _, doubted := r.doubtful[id]; !there && !doubted {
			r.disown(id)
		}
	}
}

func (r *resource) disown(id string) {
	delete(r.owned, id)
	delete(r.unused, id)
}

// begin makes an update ours to answer for, before anybody is told of it. Those that are never taken off are not ours.
func (r *resource) begin(now time.Time, p policy, c arm.Change) {
	for _, id := range c.Add {
		_, there := r.held.Identities[id]
		if w := r.wanted[id]; !there && r.owned[id].IsZero() && !p.keeps(w.identity.ClientID) {
			r.owned[id] = now
		}
	}
	r.flight = &flight{change: c, began: now, due: now}
}

// trim takes out of an update what has come to be needed since it was decided. It is false when nothing is left.
func (r *resource) trim() bool {
	c := &r.flight.change
	remove := c.Remove[:0:0]
	for _, id := range c.Remove {
		if _, wanted := r.wanted[id]; !r.holding[id] && (!wanted || r.dead(id, r.held.Identities[id])) {
			remove = append(remove, id)
		}
	}
	c.Remove = remove
	if len(c.Add)+len(c.Remove) == 0 {
		r.flight = nil
	}
	return r.flight != nil
}

// accepted takes Azure's first answer to an update.
func (r *resource) accepted(now time.Time, o arm.Operation) {
	if o.Done {
		r.landed(now)
		return
	}
	r.flight.operation, r.flight.sent, r.flight.due = o, true, now.Add(max(o.RetryAfter, pollFirst))
}

// landed takes an update as done. Nobody else can have made one at the same time.
func (r *resource) landed(now time.Time) {
	identities := maps.Clone(r.held.Identities)
	if identities == nil {
		identities = map[string]arm.HeldIdentity{}
	}
	for _, id := range r.flight.change.Remove {
		delete(identities, id)
		delete(r.fresh, id)
		delete(r.parked, id)
		if _, wanted := r.wanted[id]; wanted {
			r.mended[id] = now
		}
		r.disown(id)
	}
	for _, id := range r.flight.change.Add {
		delete(r.parked, id)
		delete(r.unsettled, id)
		if _, there := identities[id]; !there {
			identities[id] = arm.HeldIdentity{}
			r.fresh[id] = true
		}
	}
	r.held.Identities = identities
	r.flight, r.failures, r.err, r.sure, r.moved = nil, 0, nil, now, true
	r.firstChange, r.newChange = time.Time{}, time.Time{}
	r.width = min(arm.MaxChange, r.width*2)
}

// polled takes an answer to how an update is going.
func (r *resource) polled(now time.Time, o arm.Operation) {
	f := r.flight
	if o.Done {
		r.landed(now)
		return
	}
	f.polls++
	f.failures = 0
	wait := o.RetryAfter
	if wait <= 0 {
		wait = clock.Backoff(f.polls, pollFirst, pollLast)
	}
	f.operation, f.due = o, now.Add(wait)
	if now.Sub(f.began) >= patience {
		r.lost(now)
	}
}

// pollFailed tells an update that failed, which is over, from a question that was not answered.
func (r *resource) pollFailed(now time.Time, o arm.Operation, err error) {
	f := r.flight
	if o.Done {
		r.failed(now, err)
		r.known = false
		return
	}
	f.failures++
	f.due = now.Add(max(fault.RetryAfterOf(err), clock.Backoff(f.failures, pollFirst, lastWait)))
	if fault.KindOf(err) == fault.NotFound || f.failures >= pollTries || now.Sub(f.began) >= patience {
		r.ail(now, err)
		r.lost(now)
	}
}

// lost gives up asking about an update. The machine itself is asked instead.
func (r *resource) lost(now time.Time) {
	r.doubtOf(now, r.flight.change)
	r.flight, r.known = nil, false
}

func (r *resource) doubtOf(now time.Time, c arm.Change) {
	for _, id := range append(append([]string{}, c.Add...), c.Remove...) {
		r.doubtful[id] = now
	}
}

// failed takes an update as not done, or perhaps not done.
func (r *resource) failed(now time.Time, err error) {
	f := r.flight
	r.flight = nil
	r.ail(now, err)
	if mine := blamed(err, f.change); len(mine) > 0 {
		r.forgo(f)
		for _, id := range mine {
			r.park(now, id, err)
		}
		return
	}
	kind, last := fault.KindOf(err), lastWait
	var bad *arm.BadIdentities
	switch {
	case kind == fault.Invalid || errors.As(err, &bad):
		r.forgo(f)
		r.narrow(now, f, err)
		return
	case kind == fault.Throttled:
		r.forgo(f)
	case kind == fault.Denied || kind == fault.Expired || kind == fault.Unsupported || kind == fault.NotFound:
		r.forgo(f)
		r.known, last = r.known && kind != fault.NotFound, lastRefused
	case kind == fault.Busy:
		r.forgo(f)
		r.known = false
	default:
		r.doubtOf(now, f.change)
		r.known = false
	}
	r.failures++
	r.notBefore = now.Add(max(fault.RetryAfterOf(err), clock.Backoff(r.failures, firstWait, last)))
}

// blamed are those identities of a change that an error names.
func blamed(err error, c arm.Change) (ids []string) {
	var bad *arm.BadIdentities
	if errors.As(err, &bad) {
		for _, id := range bad.IDs {
			if contains(c.Add, fold(id)) || contains(c.Remove, fold(id)) {
				ids = append(ids, fold(id))
			}
		}
	}
	return ids
}

// forgo disowns what a refused update would have added.
func (r *resource) forgo(f *flight) {
	for _, id := range f.change.Add {
		if _, there := r.held.Identities[id]; !there && !f.sent {
			r.disown(id)
		}
	}
}

// narrow finds out whom a refusal without names is about: the next update has half as many.
func (r *resource) narrow(now time.Time, f *flight, err error) {
	ids := append(append([]string{}, f.change.Add...), f.change.Remove...)
	if len(ids) == 1 {
		r.park(now, ids[0], err)
		return
	}
	r.width = max(1, len(ids)/2)
}

func (r *resource) park(now time.Time, id string, err error) {
	p := r.parked[id]
	if p == nil {
		p = &park{}
		r.parked[id] = p
	}
	p.failures++
	p.err, p.owner = err, r.wanted[id].owner
	p.until = now.Add(max(fault.RetryAfterOf(err), clock.Backoff(p.failures, firstPark, lastPark)))
}

// readFailed waits before the machine is read again. One that has gone with its nodes takes what was ours along.
func (r *resource) readFailed(now time.Time, err error) {
	r.readFailures++
	r.ail(now, err)
	last := lastWait
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Denied {
		last = lastRefused
		if kind == fault.NotFound && r.nodes == 0 {
			clear(r.owned)
			clear(r.unused)
		}
	}
	r.notBefore = now.Add(max(fault.RetryAfterOf(err), clock.Backoff(r.readFailures, firstWait, last)))
}
