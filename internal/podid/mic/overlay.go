package mic

import (
	"slices"
	"time"

	"strongroom/api/aadpodidentity"
)

// objectKey is where an assigned identity is.
type objectKey struct{ namespace, name string }

func keyOf(a *aadpodidentity.AssignedIdentity) objectKey { return objectKey{a.Namespace, a.Name} }

// overlay is what was written and the watch does not show yet. Without it every write would be followed by a second, to
// the same effect.
type overlay map[objectKey]*written

// lagging is how long the watch may take.
const lagging = 10 * time.Second

// written is an object as it must be by now.
type written struct {
	object *aadpodidentity.AssignedIdentity // nil: deleted
	uid    string
	before []string // versions that are older than the write; the empty one is that of an object that is not there
	until  time.Time
}

// wrote takes what has just been written over an object of a version; nil is a deletion.
func (o overlay) wrote(now time.Time, key objectKey, before *aadpodidentity.AssignedIdentity, after *aadpodidentity.AssignedIdentity) {
	w := o[key]
	if w == nil {
		w = &written{}
		o[key] = w
	}
	if w.object != nil {
		w.before = append(w.before, w.object.ResourceVersion)
	}
	if before == nil {
		w.before = append(w.before, "")
	} else {
		w.before, w.uid = append(w.before, before.ResourceVersion), before.UID
	}
	w.object, w.until = after, now.Add(lagging)
	if after != nil {
		w.uid = after.UID
	}
}

// over gives a list as it must be by now, and forgets what the list shows.
func (o overlay) over(now time.Time, list []*aadpodidentity.AssignedIdentity) []*aadpodidentity.AssignedIdentity {
	all := make([]*aadpodidentity.AssignedIdentity, 0, len(list)+len(o))
	var shown map[objectKey]bool
	if len(o) > 0 {
		shown = make(map[objectKey]bool, len(o))
	}
	for _, object := range list {
		if len(o) > 0 {
			key := keyOf(object)
			if w := o[key]; w != nil {
				shown[key] = true
				stands := w.instead(now, object)
				if stands == object {
					delete(o, key)
				}
				object = stands
			}
		}
		if object != nil {
			all = append(all, object)
		}
	}
	for key, w := range o {
		switch {
		case shown[key]:
		case w.object != nil && slices.Contains(w.before, "") && now.Before(w.until):
			all = append(all, w.object)
		default:
			delete(o, key)
		}
	}
	return all
}

// instead is the object as it was written, or as it is shown when that is newer.
func (w *written) instead(now time.Time, shown *aadpodidentity.AssignedIdentity) *aadpodidentity.AssignedIdentity {
	if !now.Before(w.until) || shown.UID != w.uid && !slices.Contains(w.before, shown.ResourceVersion) {
		return shown
	}
	if w.object == nil || slices.Contains(w.before, shown.ResourceVersion) && shown.UID == w.uid {
		return w.object
	}
	return shown
}

// due is when what the watch does not show is forgotten.
func (o overlay) due() (at time.Time) {
	for _, w := range o {
		at = earliest(at, w.until)
	}
	return at
}
