package emulator

import (
	"cmp"
	"fmt"

	"strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/state"
)

// machine is a declared resource, and who it is to have.
type machine struct {
	path     string // in the document
	resource arm.Resource
	place    state.Place
	has      state.Assigned
}

// machinesOf makes resources of the nodes that stand alone and of the scale sets.
func machinesOf(d state.Document) []machine {
	var list []machine
	for i, n := range d.Nodes {
		if n.ScaleSet == "" {
			r := arm.Resource{Kind: arm.VirtualMachine, Name: n.Name, TenantID: n.TenantID, Nodes: []string{n.Name}}
			list = append(list, machine{fmt.Sprintf("nodes[%d]", i), r, n.Place, n.Assigned})
		}
	}
	for i, s := range d.ScaleSets {
		r := arm.Resource{Kind: arm.ScaleSet, Name: s.Name, TenantID: s.TenantID, Upgrade: s.UpgradePolicy}
		for _, n := range d.Nodes {
			if n.ScaleSet == s.Name {
				r.Nodes = append(r.Nodes, n.Name)
			}
		}
		list = append(list, machine{fmt.Sprintf("scaleSets[%d]", i), r, s.Place, s.Assigned})
	}
	for i := range list {
		list[i].resource.Subscription = cmp.Or(list[i].place.Subscription, arm.DefaultSubscription)
		list[i].resource.Group = cmp.Or(list[i].place.ResourceGroup, arm.DefaultGroup)
	}
	return list
}

// addMachines gives the resource manager its machines and roles. System-assigned identities come first, because
// machines may name each other's, and roles last, because they may name any of them.
func (e *Emulator) addMachines(d state.Document, p *problems) {
	list := machinesOf(d)
	for i, m := range list {
		own, err := e.ownIdentity(m)
		p.add(err, "%s", m.path)
		list[i].resource.Holding.System = own
	}
	for _, m := range list {
		for _, ref := range m.has.Identities {
			if one, known := e.directory.Find(ref); known {
				m.resource.Holding.User = append(m.resource.Holding.User, one)
			}
		}
		p.add(e.manager.Add(m.resource), "%s", m.path)
	}
	for i, r := range d.ResourceRoles {
		role, err := arm.FindRole(r.Role)
		p.add(err, "resourceRoles[%d]", i)
		e.manager.Grant(arm.Assignment{ObjectID: e.objectID(r.Principal), Role: role, Scope: e.scopeOf(r.Scope, d, list)})
	}
}

// ownIdentity makes a machine's system-assigned identity, if it is to have one. A node that does not say where it is gets
// the resource id that the directory derives, as ever: tokens tell it.
func (e *Emulator) ownIdentity(m machine) (*entra.Principal, error) {
	if !m.has.SystemAssigned {
		return nil, nil
	}
	id := m.resource.ID()
	if m.resource.Kind == arm.VirtualMachine && m.place == (state.Place{}) {
		id = ""
	}
	own, err := e.directory.AddIdentity(entra.Identity{Name: m.resource.Name, TenantID: m.resource.TenantID, ResourceID: id, SystemAssigned: true})
	if err != nil {
		return nil, err
	}
	found, _ := e.directory.Find(own.ObjectID)
	return &found, nil
}
