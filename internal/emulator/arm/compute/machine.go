package compute

import (
	"strings"
	"time"
)

// machine is a resource with its history. It moves only in settle, to where the clock says it should be.
type machine struct {
	Resource
	model     Holding // what a read shows
	changes   int     // of the model, for ETags
	revision  int     // of the model that instances may lag behind
	last      *operation
	instances []*instance
}

// instance is one node that answers for a machine.
type instance struct {
	node    string
	applied int // the machine's revision it was last told of
	now     Holding
	coming  []change // in the order they were made, which is that of their times
}

// change is what an instance will hold from some time on.
type change struct {
	at time.Time
	to Holding
}

func newMachine(r Resource) *machine {
	m := &machine{Resource: r, model: r.Holding}
	for _, node := range r.Nodes {
		m.instances = append(m.instances, &instance{node: node, now: r.Holding})
	}
	return m
}

func (m *machine) is(p place) bool {
	return m.in(p) && m.Kind == p.kind && strings.EqualFold(m.Name, p.name)
}

// in reports whether it is in the group of a place, or in its subscription if it names no group.
func (m *machine) in(p place) bool {
	return strings.EqualFold(m.Subscription, p.Subscription) && (p.Group == "" || strings.EqualFold(m.Group, p.Group))
}

// follows reports whether instances take the model over without being told.
func (m *machine) follows() bool { return m.Kind == VirtualMachine || m.Upgrade != Manual }

// tell makes an instance follow the model from then on.
func (m *machine) tell(i *instance, from time.Time) {
	i.applied = m.revision
	i.coming = append(i.coming, change{from, m.model})
}

// holding is what an instance has at a time.
func (i *instance) holding(now time.Time) Holding {
	for len(i.coming) > 0 && !i.coming[0].at.After(now) {
		i.now, i.coming = i.coming[0].to, i.coming[1:]
	}
	return i.now
}

// settle ends the operation whose time has come.
func (m *machine) settle(now time.Time) {
	if m.busy() && !now.Before(m.last.ends) {
		m.last.settled = true
		m.last.failed = m.last.finish()
	}
}

func (m *machine) busy() bool { return m.last != nil && !m.last.settled }

// provisioning is the machine's own word for how its last operation went.
func (m *machine) provisioning() string {
	switch {
	case m.busy():
		return "Updating"
	case m.last != nil && m.last.failed != nil:
		return "Failed"
	}
	return "Succeeded"
}
