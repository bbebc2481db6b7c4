package podstatus

import (
	"maps"
	"slices"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

// use is one pod's use of one class: the subject of an object and of events.
type use struct {
	pod    secret.Pod
	class  string
	mounts map[string]*mount // by target, at least one
	object objectKey
	order  uint64
	anew   bool         // nothing of it stood before
	unfit  *fault.Error // why its object cannot be written
	dirty  bool         // something came that was not looked at

	told    string // the reason of the finding that events last told of; empty when that is not known
	recent  recent // when they did
	rotated change // files that changed and were not told of

	shown    *secretsstore.PodStatus // what the object is to say, as last decided; nil before
	written  *secretsstore.PodStatus // what it says, as far as is known
	unsure   bool                    // a write failed that may have come about
	failures int                     // writes that failed in a row
	due      time.Time               // not to be written before
}

// mount is one volume of a use.
type mount struct {
	versions []secret.Version // nil when they are not known
	finding  finding
}

// useKey tells uses apart: a pod that comes again by the same name is another one.
type useKey struct{ uid, namespace, pod, class string }

// objectKey names an object. Two uses may have one name, such as that of a pod and of its successor.
type objectKey struct{ namespace, name string }

// noteLocked takes in a record of a volume that stands.
func (r *Recorder) noteLocked(record publish.Record, is publish.Standing) {
	key := useKey{record.Pod.UID, record.Pod.Namespace, record.Pod.Name, record.ClassName}
	u := r.uses[key]
	if was := r.byTarget[record.Target]; was != u {
		r.dropLocked(record.Target) // another pod's or class's until now
	}
	if u == nil {
		u = r.meetLocked(key, record)
	}
	m := u.mounts[record.Target]
	if m == nil {
		m = &mount{}
		u.mounts[record.Target] = m
		r.byTarget[record.Target] = u
	}
	if record.Versions != nil {
		m.versions = record.Versions
	}
	m.finding = m.finding.next(record, is)
	if record.Change.Changed && !record.First {
		u.rotated.add(record.Change)
	}
	u.dirty = true
}

// meetLocked begins a use. Of one that an earlier process began, the cluster's own words are taken up.
func (r *Recorder) meetLocked(key useKey, record publish.Record) *use {
	r.order++
	u := &use{
		pod: record.Pod, class: record.ClassName, mounts: map[string]*mount{}, order: r.order, anew: record.First,
		object: objectKey{record.Pod.Namespace, secretsstore.StatusName(record.Pod.Name, record.Pod.Namespace, record.ClassName)},
	}
	if u.anew {
		u.told = reasonFetched // nothing was mounted that could have fared badly
	}
	r.uses[key] = u
	r.newest[u.object] = u
	if u.unfit = r.unfit; u.unfit == nil {
		if u.unfit = nameFits(u); u.unfit != nil {
			r.Log.Warn("a pod status cannot be written", errorAttr(u.unfit))
		}
	}
	r.adoptLocked(u)
	return u
}

// dropLocked forgets a volume, and its use with the last one.
func (r *Recorder) dropLocked(target string) {
	u := r.byTarget[target]
	if u == nil {
		return
	}
	delete(r.byTarget, target)
	delete(u.mounts, target)
	u.dirty = true
	if len(u.mounts) > 0 {
		r.wake()
		return
	}
	delete(r.uses, useKey{u.pod.UID, u.pod.Namespace, u.pod.Name, u.class})
	if r.newest[u.object] == u {
		delete(r.newest, u.object)
	}
	if u.failures > 0 {
		r.failing--
	}
}

// finding is that of the volume that fares worst.
func (u *use) finding() finding {
	var worst finding
	for _, target := range slices.Sorted(maps.Keys(u.mounts)) {
		if f := u.mounts[target].finding; f.worse(worst) {
			worst = f
		}
	}
	return worst
}

// status is what the object is to say. Where a statement stands already, its time and words are kept: a request's id or
// a later failure of the same kind is no news.
func (u *use) status(node string) secretsstore.PodStatus {
	target := slices.Min(slices.Collect(maps.Keys(u.mounts)))
	var before []secretsstore.Condition
	if u.shown != nil {
		before = u.shown.Status.Conditions
	}
	return secretsstore.PodStatus{
		Name:      u.object.name,
		Namespace: u.pod.Namespace,
		Node:      node,
		Pod:       secretsstore.Owner{APIVersion: "v1", Kind: "Pod", Name: u.pod.Name, UID: u.pod.UID},
		Status: secretsstore.MountStatus{
			PodName:    u.pod.Name,
			ClassName:  u.class,
			TargetPath: target,
			Mounted:    true,
			Objects:    objects(u.mounts[target].versions),
			Conditions: []secretsstore.Condition{u.finding().condition(before)},
		},
	}
}

func objects(versions []secret.Version) (list []secretsstore.ObjectVersion) {
	for _, v := range versions {
		list = append(list, secretsstore.ObjectVersion{ID: v.ID, Version: v.Version})
	}
	slices.SortFunc(list, byID)
	return list
}
