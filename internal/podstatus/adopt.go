package podstatus

import (
	"slices"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// listing is what the cluster held when this process began.
type listing struct {
	objects  map[objectKey]secretsstore.PodStatus // those not yet adopted
	done     bool
	tried    bool // once at least; events do not wait for longer
	busy     bool
	failures int
	due      time.Time
}

// adoptLocked begins a use where an earlier process left it. A volume of the pod that has not been published since is
// taken for what the object says of it: otherwise the first of two volumes to come would be shown until the second did.
func (r *Recorder) adoptLocked(u *use) {
	listed, there := r.listing.objects[u.object]
	if !there {
		return
	}
	delete(r.listing.objects, u.object)
	if listed.Pod.UID != u.pod.UID || listed.Status.ClassName != u.class {
		return // an earlier pod's of this name
	}
	u.written, u.shown = &listed, &listed
	known := recalled(listed.Status.Conditions)
	if u.told == "" {
		u.told = known.reason
	}
	target := listed.Status.TargetPath
	m := u.mounts[target]
	switch {
	case m != nil && m.versions == nil:
		m.versions = versions(listed.Status.Objects)
	case m == nil && !u.anew && target != "" && r.byTarget[target] == nil:
		u.mounts[target] = &mount{versions: versions(listed.Status.Objects), finding: known}
		r.byTarget[target] = u
	}
	u.dirty = true
}

func versions(objects []secretsstore.ObjectVersion) (list []secret.Version) {
	for _, o := range objects {
		list = append(list, secret.Version{ID: o.ID, Version: o.Version})
	}
	return list
}

// listed takes in what the cluster holds, or that it did not say.
func (r *Recorder) listed(statuses []secretsstore.PodStatus, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.wake()
	l := &r.listing
	l.busy, l.tried = false, true
	if err != nil {
		l.failures++
		l.due = r.Clock.Now().Add(pause(l.failures, err))
		if l.failures == 1 {
			r.Log.Warn("pod statuses could not be listed; none is written until they are", errorAttr(err))
		}
		return
	}
	if l.failures > 0 {
		r.Log.Info("pod statuses were listed")
	}
	l.done, l.objects = true, map[objectKey]secretsstore.PodStatus{}
	for _, s := range statuses {
		l.objects[objectKey{s.Namespace, s.Name}] = s
	}
	for _, u := range r.uses {
		r.adoptLocked(u)
	}
}

// same says whether two objects say the same.
func same(a, b *secretsstore.PodStatus) bool {
	return a != nil && b != nil && a.Name == b.Name && a.Namespace == b.Namespace && a.Node == b.Node && a.Pod == b.Pod &&
		a.Status.PodName == b.Status.PodName && a.Status.ClassName == b.Status.ClassName &&
		a.Status.TargetPath == b.Status.TargetPath && a.Status.Mounted == b.Status.Mounted &&
		slices.Equal(a.Status.Objects, b.Status.Objects) &&
		slices.EqualFunc(a.Status.Conditions, b.Status.Conditions, sameCondition)
}

func sameCondition(a, b secretsstore.Condition) bool {
	at := a.LastTransitionTime.Equal(b.LastTransitionTime)
	a.LastTransitionTime, b.LastTransitionTime = time.Time{}, time.Time{}
	return at && a == b
}

// Bounds that the cluster sets on names and on the values of labels.
const (
	maxName  = 253
	maxLabel = 63
)

func nodeFits(node string) *fault.Error {
	if len(node) <= maxLabel {
		return nil
	}
	return fault.New(fault.Unsupported, "node "+node, "its name has %d characters, and a pod status carries it as a label, which has %d at most; pods are served all the same",
		len(node), maxLabel).Mend("register nodes by names of at most %d characters", maxLabel)
}

func nameFits(u *use) *fault.Error {
	name := u.object.name
	if len(name) <= maxName {
		return nil
	}
	return fault.New(fault.Unsupported, u.pod.String(), "the name of its pod status for class %s would have %d characters, which may be %d at most; the pod is served all the same",
		fault.Shorten(u.class), len(name), maxName).Mend("shorten the name of the pod, the namespace or the class: the name of the status is made of the three")
}
