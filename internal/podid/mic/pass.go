package mic

import (
	"context"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/arm"
	"strongroom/internal/podid/match"
)

// pass looks at everything once, and hands out what follows from it. It says how long that took.
func (m *MIC) pass(ctx context.Context) time.Duration {
	began := m.Clock.Now()
	bindings, identities := m.Identities.Bindings(), m.Identities.Identities()
	pods := m.Pods.List()
	wanted, problems := match.Desired(pods, bindings, identities, m.ForceNamespaced)
	nodes := m.locations()
	list := m.Assigned.List()

	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Clock.Now()
	for _, r := range m.resources {
		r.expire(now, m.policy)
	}
	w := world{now: now, pods: pods, wanted: wanted, existing: m.overlay.over(now, list), nodes: nodes, stands: m.standsLocked}
	p := w.plan()
	if m.Eager {
		p.eager(nodes, bindings, identities)
	}
	m.wishLocked(ctx, now, &p, nodes)
	m.writes.set(ctx, p.jobs())
	m.tells.set(ctx, m.tellLocked(now, &w, &p, problems))
	took := m.Clock.Now().Sub(began)
	if m.Passed != nil {
		m.Passed(took)
	}
	return took
}

// locations says where every node runs. A provider id that was read for the last pass is not read again.
func (m *MIC) locations() map[string]location {
	list := m.Machines.List()
	nodes := make(map[string]location, len(list))
	for _, machine := range list {
		here, known := m.nodes[machine.Node]
		if !known || here.provider != machine.ProviderID {
			here = locate(machine.ProviderID)
		}
		nodes[machine.Node] = here
	}
	m.nodes = nodes
	return nodes
}

func locate(provider string) location {
	at, err := arm.ParseProviderID(provider)
	if err != nil {
		return location{provider: provider, err: err}
	}
	return location{provider: provider, key: at.Key(), at: at}
}

func (m *MIC) standsLocked(machine, id string) standing {
	if r := m.resources[machine]; r != nil {
		return r.stands(id)
	}
	return unknown
}

// wishLocked hands every machine its wishes, and sees to it that it has a worker.
func (m *MIC) wishLocked(ctx context.Context, now time.Time, p *plan, nodes map[string]location) {
	count := map[string]int{}
	for _, at := range nodes {
		if at.err != nil {
			continue
		}
		count[at.key]++
		if m.resources[at.key] == nil && len(p.wishes[at.key]) > 0 {
			m.resources[at.key] = newResource(at.at)
		}
	}
	for key, r := range m.resources {
		r.wish(now, count[key], p.wishes[key], p.holding[key])
		if !r.working {
			r.working = true
			m.spawn(func() { m.work(ctx, key, r) })
			continue
		}
		raise(r.wake)
	}
}

// jobs are the writes of a plan, those that pods wait for first.
func (p *plan) jobs() (list []job[objectKey, op]) {
	total := 0
	for _, ops := range p.ops {
		total += len(ops)
	}
	if total == 0 {
		return nil
	}
	list = make([]job[objectKey, op], 0, total)
	for _, ops := range p.ops {
		for _, o := range ops {
			list = append(list, job[objectKey, op]{keyOf(&o.object), o})
		}
	}
	return list
}

// write does one.
func (m *MIC) write(ctx context.Context, key objectKey, o op) error {
	var after *aadpodidentity.AssignedIdentity
	var err error
	switch o.verb {
	case assign:
		object := o.object
		err = m.Writer.SetState(ctx, object, o.state)
		object.State = o.state
		after = &object
	case create:
		var made aadpodidentity.AssignedIdentity
		made, err = m.Writer.Create(ctx, o.object)
		after = &made
	case replace, refresh:
		var made aadpodidentity.AssignedIdentity
		made, err = m.Writer.Replace(ctx, o.object)
		after = &made
	case remove:
		err = m.Writer.Delete(ctx, o.object)
	}
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.overlay.wrote(m.Clock.Now(), key, o.before, after)
	m.mu.Unlock()
	m.wrote(o)
	m.Changed()
	return nil
}
