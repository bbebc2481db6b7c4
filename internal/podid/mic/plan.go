package mic

import (
	"cmp"
	"maps"
	"strings"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

// planner makes a plan.
type planner struct {
	*world
	plan    plan
	by      map[objectKey]int // the last of existing of a pod; next leads to the one before it, and ends in -1
	next    []int
	names   map[objectKey]bool // nil until a name is needed
	stood   map[use]standing   // what was wished for already
	ids     map[string]string  // resource ids as read, by how they are written
	owners  map[*aadpodidentity.Identity]string
	settled []bool // existing that somebody wants, or that are to go already
}

func (w *world) plan() plan {
	p := planner{world: w, plan: plan{wishes: map[string]map[string]wish{}, holding: map[string]map[string]bool{}},
		by: make(map[objectKey]int, len(w.existing)), next: make([]int, len(w.existing)), stood: map[use]standing{}, ids: map[string]string{},
		owners: map[*aadpodidentity.Identity]string{}, settled: make([]bool, len(w.existing))}
	p.index()
	for i := range w.wanted {
		p.want(&w.wanted[i])
	}
	for i, e := range w.existing {
		if !p.settled[i] {
			p.give(op{verb: remove, object: *e, before: e})
		}
	}
	return p.plan
}

// index finds existing objects by their pods.
func (p *planner) index() {
	for i, e := range p.existing {
		p.hold(e)
		pod := objectKey{e.PodNamespace, e.Pod}
		before, there := p.by[pod]
		if !there {
			before = -1
		}
		p.next[i], p.by[pod] = before, i
	}
}

// find gives the existing object that says what is wanted. Of two that do, the one with the plain name stays.
func (p *planner) find(w *match.Wanted) (found int, there bool) {
	i, there := p.by[objectKey{w.Pod.Namespace, w.Pod.Name}]
	if !there {
		return 0, false
	}
	found = -1
	for ; i >= 0; i = p.next[i] {
		e := p.existing[i]
		namespace := cmp.Or(e.Identity.Namespace, e.Binding.Namespace) // objects of old versions leave it out
		if e.Namespace != w.Namespace || e.Identity.Name != w.Identity.Name || namespace != w.Identity.Namespace {
			continue
		}
		if found < 0 || cmp.Or(cmp.Compare(len(e.Name), len(p.existing[found].Name)), strings.Compare(e.Name, p.existing[found].Name)) < 0 {
			found = i
		}
	}
	return found, found >= 0
}

// taken reports whether an object has that name, and takes it.
func (p *planner) taken(key objectKey) bool {
	if p.names == nil {
		p.names = make(map[objectKey]bool, len(p.existing))
		for _, e := range p.existing {
			p.names[keyOf(e)] = true
		}
	}
	taken := p.names[key]
	p.names[key] = true
	return taken
}

// hold keeps an identity where an object says it can be used, whoever wrote it.
func (p *planner) hold(e *aadpodidentity.AssignedIdentity) {
	at, known := p.nodes[e.Node]
	if e.State != aadpodidentity.Assigned && e.State != "" || e.Identity.Type != aadpodidentity.UserAssigned || !known || at.err != nil {
		return
	}
	id := p.id(e.Identity.ResourceID)
	if id == "" {
		return
	}
	if p.plan.holding[at.key] == nil {
		p.plan.holding[at.key] = map[string]bool{}
	}
	p.plan.holding[at.key][id] = true
}

// id reads a resource id once; empty when it is none.
func (p *planner) id(text string) string {
	id, read := p.ids[text]
	if !read {
		id, _ = match.ParseResourceID(text)
		p.ids[text] = id
	}
	return id
}

// want brings about that one pod has one identity.
func (p *planner) want(w *match.Wanted) {
	at, known := p.nodes[w.Pod.Node]
	if !known {
		p.plan.lost = append(p.plan.lost, w)
		return
	}
	stands := p.standing(w, at)
	i, there := p.find(w)
	state := aadpodidentity.Created
	if stands == attached {
		state = aadpodidentity.Assigned
	}
	if !there {
		p.make(w, at, state)
		return
	}
	p.settled[i] = true
	e := p.existing[i]
	if e.Deleting { // whoever asked for it waits for us; a new one follows
		p.give(op{verb: remove, object: *e, before: e, uid: w.Pod.UID})
		return
	}
	if !sameAssignment(e, w) {
		p.rewrite(replace, e, w, state)
	} else {
		if stands == unknown && e.State != aadpodidentity.Unassigned {
			state = e.State
		}
		p.adjust(e, w, state)
	}
	if state == aadpodidentity.Created {
		p.plan.pending = append(p.plan.pending, pending{w, keyOf(e), at})
	}
}

// adjust sets a state where it is another. The empty one is as good as Assigned.
func (p *planner) adjust(e *aadpodidentity.AssignedIdentity, w *match.Wanted, state aadpodidentity.State) {
	switch same := state == e.State || state == aadpodidentity.Assigned && e.State == ""; {
	case !sameSnapshot(e, w) && same:
		p.rewrite(refresh, e, w, e.State)
	case !sameSnapshot(e, w):
		p.rewrite(replace, e, w, state)
	case !same:
		p.give(op{verb: assign, object: *e, before: e, state: state, uid: w.Pod.UID})
	}
}

// standing tells whether the identity is there already, and wishes for it. Service principals need no machine.
func (p *planner) standing(w *match.Wanted, at location) standing {
	if w.Identity.Type != aadpodidentity.UserAssigned {
		return attached
	}
	if at.err != nil {
		return unknown
	}
	u := use{w.Identity, at.key}
	stands, before := p.stood[u]
	if !before {
		p.wish(at.key, w.ResourceID, w.Identity)
		stands = p.stands(at.key, w.ResourceID)
		p.stood[u] = stands
		p.plan.uses = append(p.plan.uses, placed{w, at.key})
	}
	return stands
}

func (p *planner) wish(machine, id string, identity *aadpodidentity.Identity) {
	wishes := p.plan.wishes[machine]
	if wishes == nil {
		wishes = map[string]wish{}
		p.plan.wishes[machine] = wishes
	}
	owner, known := p.owners[identity]
	if !known {
		owner = ownerOf(identity)
		p.owners[identity] = owner
	}
	if w, there := wishes[id]; !there || owner < w.owner {
		wishes[id] = wish{identity: identity, owner: owner}
	}
}

// make plans a new object, by a name that nobody has.
func (p *planner) make(w *match.Wanted, at location, state aadpodidentity.State) {
	object := w.Object()
	if p.taken(keyOf(&object)) {
		object.Name = match.DistinctName(w.Pod, w.Identity)
		p.taken(keyOf(&object))
	}
	object.State = state
	p.give(op{verb: create, object: object, state: state, uid: w.Pod.UID})
	if state == aadpodidentity.Created {
		p.plan.pending = append(p.plan.pending, pending{w, keyOf(&object), at})
	}
}

// rewrite plans the object as it is wanted, over one that stands.
func (p *planner) rewrite(v verb, e *aadpodidentity.AssignedIdentity, w *match.Wanted, state aadpodidentity.State) {
	object := w.Object()
	labels := maps.Clone(e.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, object.Labels)
	object.Meta = e.Meta
	object.Labels, object.State = labels, state
	p.give(op{verb: v, object: object, before: e, state: state, uid: w.Pod.UID})
}

func (p *planner) give(o op) { p.plan.ops[o.verb] = append(p.plan.ops[o.verb], o) }

// at is short for a subject in messages.
func at(namespace, name string) string { return strings.Join([]string{namespace, name}, "/") }
