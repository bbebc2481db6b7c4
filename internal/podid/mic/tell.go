package mic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
)

// tellLocked is what people are to be told after a pass.
func (m *MIC) tellLocked(now time.Time, w *world, p *plan, problems []match.Problem) []job[tellKey, telling] {
	t := &teller{told: &m.told, now: now, events: m.Events, news: map[string]bool{}, waits: map[tellKey]time.Time{}}
	for _, problem := range problems {
		if problem.Identity == nil {
			t.once(about(kindBinding, &problem.Binding.Meta), problem.Err)
			continue
		}
		t.once(about(kindIdentity, &problem.Identity.Meta), problem.Err)
		t.shown(problem.Identity)
		t.want(identityKey(problem.Identity), false, bounded(condition(ConditionAccepted, problem.Err, "", "Invalid", "")))
	}
	m.tellIdentities(t, p)
	m.tellPods(t, w, p)
	m.told.news, m.told.waits, m.told.next, m.told.pending, m.told.began = t.news, t.waits, t.next, len(p.pending), true
	return t.list
}

func identityKey(i *aadpodidentity.Identity) tellKey {
	return tellKey{kind: kindIdentity, namespace: i.Namespace, name: i.Name}
}

// use is an identity on a machine where pods are to have it.
type use struct {
	identity *aadpodidentity.Identity
	machine  string
}

// spread is how an identity stands on all of them.
type spread struct {
	key                        tellKey
	attached, waiting, refused []string
	mismatch                   string
}

// tellIdentities says of every identity that is used where it is, and why not where it is not.
func (m *MIC) tellIdentities(t *teller, p *plan) {
	known := map[*aadpodidentity.Identity]*spread{}
	var list []*spread
	for _, one := range p.uses {
		identity := one.wanted.Identity
		s := known[identity]
		if s == nil {
			s = &spread{key: identityKey(identity)}
			known[identity] = s
			t.shown(identity)
			list = append(list, s)
		}
		m.resources[one.machine].tell(t, s, one.wanted)
	}
	for _, s := range list {
		slices.Sort(s.attached)
		slices.Sort(s.waiting)
		slices.Sort(s.refused)
		if c, tell := s.condition(t); tell {
			message := "nothing is wrong with it" + s.mismatch
			t.want(s.key, false, condition(ConditionAccepted, nil, "Accepted", "", message), bounded(c))
		}
	}
}

// tell says how one identity stands here.
func (r *resource) tell(t *teller, s *spread, w *match.Wanted) {
	entry := r.held.Identities[w.ResourceID]
	if entry.ClientID != "" && fold(entry.ClientID) != fold(w.Identity.ClientID) {
		s.mismatch = fmt.Sprintf(", but the client id of %s is not the one in spec.clientID", w.ResourceID)
	}
	parked := r.parked[w.ResourceID]
	ails := t.complaint(r)
	switch {
	case r.stands(w.ResourceID) == attached:
		s.attached = append(s.attached, r.at.String())
	case parked != nil:
		s.refused = append(s.refused, r.at.String()+": "+fault.Explain(parked.err))
	case ails != nil:
		s.refused = append(s.refused, r.at.String()+": "+fault.Explain(ails))
	default:
		s.waiting = append(s.waiting, r.at.String())
	}
}

// condition is Attached; it is not told of those that have not waited for long.
func (s *spread) condition(t *teller) (c secretsstore.Condition, tell bool) {
	c = secretsstore.Condition{Type: ConditionAttached, Status: secretsstore.False}
	switch {
	case len(s.refused) > 0:
		c.Reason, c.Message = "Refused", strings.Join(s.refused, "; ")
		return c, t.waited(s.key)
	case len(s.waiting) > 0:
		c.Reason, c.Message = "Waiting", "is being attached to "+some(s.waiting)
		return c, t.waited(s.key)
	}
	c.Status, c.Reason, c.Message = secretsstore.True, "Attached", "attached to "+some(s.attached)
	return c, true
}

// some names a few of many.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// why is what an assignment waits for.
type why struct {
	reason string
	err    error
	c      secretsstore.Condition // for the pod
}

func becauseOf(reason string, err error) why {
	return why{reason, err, bounded(condition(ConditionPod, err, "", reason, ""))}
}

// tellPods says to every pod that waits what for, and that it no longer does.
func (m *MIC) tellPods(t *teller, w *world, p *plan) {
	waiting, known := map[tellKey]bool{}, map[use]why{}
	for i := range p.pending {
		one := &p.pending[i]
		u := use{one.wanted.Identity, one.machine.key}
		y, told := known[u]
		if !told || one.machine.err != nil {
			y = becauseOf(m.whyLocked(t, one))
			known[u] = y
			if y.reason == "Refused" {
				t.once(about(kindBinding, &one.wanted.Binding.Meta), y.err)
			}
		}
		if one.machine.err != nil {
			t.once(about(kindAssigned, &aadpodidentity.Meta{Namespace: one.object.namespace, Name: one.object.name}), y.err)
		}
		m.tellPod(t, waiting, one.wanted.Pod, y)
	}
	for _, lost := range p.lost {
		err := fault.New(fault.NotFound, "node "+lost.Pod.Node, "the cluster does not have the node of pod %s", at(lost.Pod.Namespace, lost.Pod.Name))
		if m.tellPod(t, waiting, lost.Pod, becauseOf("NodeUnknown", err)) {
			t.once(about(kindBinding, &lost.Binding.Meta), err)
		}
	}
	m.tellDone(t, w, waiting)
}

// tellPod is true when the pod has waited long enough.
func (m *MIC) tellPod(t *teller, waiting map[tellKey]bool, pod *match.Pod, y why) bool {
	key := tellKey{namespace: pod.Namespace, name: pod.Name, uid: pod.UID}
	if !m.told.began && t.written[key] == nil {
		t.written[key] = []secretsstore.Condition{} // a predecessor may have told it
	}
	long := t.waited(key)
	if long && !waiting[key] {
		t.want(key, false, y.c)
	}
	waiting[key] = true
	return long
}

// tellDone tells pods that were told to wait.
func (m *MIC) tellDone(t *teller, w *world, waiting map[tellKey]bool) {
	var there map[tellKey]bool
	for _, key := range slices.SortedFunc(maps.Keys(t.written), func(a, b tellKey) int { return strings.Compare(a.uid, b.uid) }) {
		if key.uid == "" || waiting[key] {
			continue
		}
		if there == nil {
			there = make(map[tellKey]bool, len(w.pods))
			for i := range w.pods {
				there[tellKey{namespace: w.pods[i].Namespace, name: w.pods[i].Name, uid: w.pods[i].UID}] = !w.pods[i].Finished
			}
		}
		if !there[key] {
			delete(t.written, key)
			continue
		}
		t.want(key, true, condition(ConditionPod, nil, "Assigned", "", "waits for no identity any more"))
	}
}

// whyLocked says what an assignment waits for.
func (m *MIC) whyLocked(t *teller, p *pending) (reason string, err error) {
	what := "azureidentity " + at(p.wanted.Identity.Namespace, p.wanted.Identity.Name)
	if p.machine.err != nil {
		return "NodeUnknown", fault.Wrap(p.machine.err, fault.Unsupported, what, "cannot be attached to node %s", p.wanted.Pod.Node)
	}
	r := m.resources[p.machine.key]
	ails := t.complaint(r)
	switch parked := r.parked[p.wanted.ResourceID]; {
	case parked != nil:
		return "Refused", fault.Wrap(parked.err, fault.KindOf(parked.err), what, "cannot be attached to %s", r.at)
	case ails != nil:
		return "Refused", fault.Wrap(ails, fault.KindOf(ails), what, "cannot be attached to %s", r.at)
	}
	return "Waiting", fault.New(fault.Busy, what, "is being attached to %s", r.at)
}
