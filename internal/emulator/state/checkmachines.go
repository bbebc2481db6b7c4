package state

import (
	"fmt"
	"strings"

	"strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/arm/limits"
	"strongroom/internal/fault"
	"strongroom/internal/form"
)

var (
	nodeName  = form.UpTo(253, `^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$`)
	groupName = form.UpTo(90, `^[-\w.()]*[-\w()]$`)
)

// machines checks what the resource manager shows, and who may what there.
func (c *checker) machines() {
	names := map[string]bool{} // of nodes and scale sets alike: a scope may be named by either
	sets := map[string]bool{}
	for _, set := range c.document.ScaleSets {
		sets[set.Name] = true
	}
	for i, n := range c.document.Nodes {
		path := fmt.Sprintf("nodes[%d]", i)
		c.machine(path, n.Name, n.Place, n.Assigned, names)
		if n.ScaleSet == "" {
			continue
		}
		if !sets[n.ScaleSet] {
			c.wrong(path+".scaleSet", "%q is not among scaleSets", n.ScaleSet)
		}
		if n.Place != (Place{}) || n.TenantID != "" || n.SystemAssigned || len(n.Identities) > 0 {
			c.wrong(path, "belongs to a scale set: subscription, resourceGroup, tenantId, systemAssigned and identities are said there")
		}
	}
	for i, set := range c.document.ScaleSets {
		path := fmt.Sprintf("scaleSets[%d]", i)
		c.machine(path, set.Name, set.Place, set.Assigned, names)
		c.oneOf(path+".upgradePolicy", string(set.UpgradePolicy), string(arm.Automatic), string(arm.Rolling), string(arm.Manual))
	}
	m := c.document.ResourceManager
	if min(m.UpdateTime, m.Propagation, m.RolePropagation, m.FederatedPropagation, m.FederatedWrite) < 0 {
		c.wrong("resourceManager", "its times may not be negative")
	}
	for _, b := range []limits.Bucket{m.Limits.Reads, m.Limits.Writes} {
		if b.Burst < 0 || b.PerSecond < 0 {
			c.wrong("resourceManager.limits", "burst and perSecond may not be negative")
		}
	}
	c.ground()
	c.resourceRoles()
}

func (c *checker) machine(path, name string, p Place, a Assigned, names map[string]bool) {
	if !nodeName.MatchString(name) {
		c.wrong(path+".name", "must be a host name")
	} else if names[strings.ToLower(name)] {
		c.wrong(path+".name", "%q is given twice", name)
	}
	names[strings.ToLower(name)] = true
	c.place(path, p)
	for j, ref := range a.Identities {
		c.refers(fmt.Sprintf("%s.identities[%d]", path, j), ref, false)
	}
}

func (c *checker) resourceRoles() {
	for i, r := range c.document.ResourceRoles {
		path := fmt.Sprintf("resourceRoles[%d]", i)
		c.refers(path+".principal", r.Principal, true)
		if _, err := arm.FindRole(r.Role); err != nil {
			c.problems = append(c.problems, fault.Wrap(err, fault.Invalid, path+".role", "is unknown"))
		}
		switch c.scopes(r.Scope) {
		case 0:
			c.wrong(path+".scope", "%q must be an ARM id that begins with /subscriptions/, or the name of an identity, node, scale set or vault", r.Scope)
		case 1:
		default:
			c.wrong(path+".scope", "%q is the name of more than one thing: give its ARM id", r.Scope)
		}
	}
}

// scopes counts what a scope could mean.
func (c *checker) scopes(scope string) int {
	if strings.HasPrefix(strings.ToLower(scope), "/subscriptions/") {
		return 1
	}
	count := 0
	for _, m := range c.document.Identities {
		count += one(scope != "" && m.Name == scope)
	}
	for _, n := range c.document.Nodes {
		count += one(n.Name == scope && n.ScaleSet == "") // an instance has no id of its own that a role could be for
	}
	for _, s := range c.document.ScaleSets {
		count += one(s.Name == scope)
	}
	for _, v := range c.document.Vaults {
		count += one(v.Name == scope)
	}
	return count
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
