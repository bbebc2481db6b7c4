package mic

import (
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/arm"
)

// policy is what the operator has decided, for the pure parts.
type policy struct {
	delay, reconcile time.Duration
	kept             map[string]bool // client ids that are never taken off, in lower case
}

func (p policy) keeps(clientID string) bool { return p.kept[fold(clientID)] }

// resource is one virtual machine or scale set: what it is to have, what it has, and what is being done about it. Its
// methods are pure; the MIC's lock guards it.
type resource struct {
	at    arm.Resource
	nodes int // of the cluster that run on it

	// Wishes, as of the last pass, by resource id of an identity.
	wanted                 map[string]wish
	holding                map[string]bool // what objects that stand say is Assigned
	firstChange, newChange time.Time       // when wishes began to want an update, and when the last one came
	asked                  time.Time       // when the newest wish for what is not there came, in an update or not

	// What it has, as far as known.
	known     bool
	read      time.Time // when it was last read
	sure      time.Time // when it was last certain that nobody else had changed it
	held      arm.Held
	moved     bool                 // an update of ours has landed since it was read, so its version is another
	fresh     map[string]bool      // added by us since it was read: their client ids are not known yet
	unsettled map[string]time.Time // seen while somebody's update was running; since when
	doubtful  map[string]time.Time // in an update of ours of which nobody knows whether it ran; since when

	owned  map[string]time.Time // what is ours to take off, since when
	unused map[string]time.Time // those of them that nobody needs, since when
	parked map[string]*park     // identities that were refused
	mended map[string]time.Time // dead entries that were taken off to be added again

	flight       *flight
	failures     int // updates in a row
	readFailures int
	notBefore    time.Time
	width        int       // how many ids the next update may have
	err          error     // why the last request failed; nil when it did not
	ailing       time.Time // since when err is there
	wake         chan struct{}
	working      bool // has a worker
}

// wish is an identity that pods on the machine are to have.
type wish struct {
	identity *aadpodidentity.Identity // one of those with this resource id
	owner    string                   // what the refused are compared by: changes when the identity is edited
}

// park is where a refused identity waits.
type park struct {
	until    time.Time
	failures int
	owner    string
	err      error
}

// flight is an update under way.
type flight struct {
	change    arm.Change
	operation arm.Operation
	began     time.Time
	due       time.Time // of the next poll
	sent      bool      // Azure has accepted it
	polls     int
	failures  int // of polls in a row
}

func newResource(at arm.Resource) *resource {
	return &resource{
		at: at, wanted: map[string]wish{}, holding: map[string]bool{}, fresh: map[string]bool{}, unsettled: map[string]time.Time{},
		owned: map[string]time.Time{}, unused: map[string]time.Time{}, parked: map[string]*park{}, mended: map[string]time.Time{},
		doubtful: map[string]time.Time{}, width: arm.MaxChange, wake: make(chan struct{}, 1),
	}
}

// standing is how an identity stands on a machine.
type standing int

const (
	unknown standing = iota // nobody can tell: what stands is left as it is
	absent
	attached
)

// stands tells whether tokens can be asked for.
func (r *resource) stands(id string) standing {
	if r.flight != nil && contains(r.flight.change.Remove, id) {
		return absent
	}
	if !r.known {
		return unknown
	}
	entry, there := r.held.Identities[id]
	switch {
	case !there:
		return absent
	case !r.unsettled[id].IsZero():
		return unknown
	case r.dead(id, entry):
		return absent
	}
	return attached
}

// dead reports whether an entry is what is left of an identity that was deleted, and perhaps made anew.
func (r *resource) dead(id string, entry arm.HeldIdentity) bool {
	return entry.ClientID == "" && entry.PrincipalID == "" && !r.fresh[id] && r.unsettled[id].IsZero()
}

func (r *resource) needed() bool {
	return len(r.wanted) > 0 || len(r.owned) > 0 || r.flight != nil
}

// wish takes what the last pass found.
func (r *resource) wish(now time.Time, nodes int, wanted map[string]wish, holding map[string]bool) {
	grown := false
	for id, w := range wanted {
		if _, there := r.wanted[id]; !there && r.stands(id) != attached {
			grown = true
		}
		if p := r.parked[id]; p != nil && p.owner != w.owner {
			delete(r.parked, id)
			grown = true
		}
	}
	if grown {
		if now.Sub(r.newChange) >= gatherMax {
			r.firstChange = now
		}
		r.newChange, r.asked = now, now
	}
	r.nodes, r.wanted, r.holding = nodes, wanted, holding
	for id := range r.owned {
		if _, is := wanted[id]; is || holding[id] {
			delete(r.unused, id)
		} else if r.unused[id].IsZero() {
			r.unused[id] = now
		}
	}
	for id, p := range r.parked {
		if _, is := wanted[id]; !is && r.owned[id].IsZero() && now.After(p.until) {
			delete(r.parked, id)
		}
	}
}
