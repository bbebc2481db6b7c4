package entra

import (
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// AddTenant registers a tenant; an empty id is derived from the domain. Invalid when both are empty, the id is no GUID,
// or either is taken.
func (d *Directory) AddTenant(t Tenant) (Tenant, error) {
	if t.ID == "" && t.Domain == "" {
		return Tenant{}, fault.New(fault.Invalid, "tenant", "needs an id or a domain")
	}
	if t.ID == "" {
		t.ID = deriveGUID("tenant", t.Domain)
	}
	if !isGUID(t.ID) {
		return Tenant{}, fault.New(fault.Invalid, "tenant "+t.ID, "the id is not a GUID")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ref := range []string{t.ID, t.Domain} {
		if _, taken := d.tenantLocked(ref); taken {
			return Tenant{}, fault.New(fault.Invalid, "tenant "+ref, "exists already")
		}
	}
	d.tenants = append(d.tenants, t)
	return t, nil
}

// Tenants lists them in the order they were added.
func (d *Directory) Tenants() []Tenant {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Clone(d.tenants)
}

// Tenant finds one by id or domain, in any case.
func (d *Directory) Tenant(idOrDomain string) (Tenant, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.tenantLocked(idOrDomain)
}

func (d *Directory) tenantLocked(ref string) (Tenant, bool) {
	for _, t := range d.tenants {
		if equalID(t.ID, ref) || equalID(t.Domain, ref) {
			return t, true
		}
	}
	return Tenant{}, false
}

// tenantForLocked is the tenant a principal says it is in, or the only one when it says nothing.
func (d *Directory) tenantForLocked(subject, ref string) (Tenant, error) {
	if ref == "" && len(d.tenants) == 1 {
		return d.tenants[0], nil
	}
	if t, ok := d.tenantLocked(ref); ok {
		return t, nil
	}
	if ref == "" {
		return Tenant{}, fault.New(fault.Invalid, subject, "names no tenant, and there are %d", len(d.tenants))
	}
	return Tenant{}, fault.New(fault.Invalid, subject, "its tenant %s is not in the directory", ref)
}

// equalID compares ids as Entra does: in any case, and an empty one equals nothing.
func equalID(a, b string) bool { return a != "" && strings.EqualFold(a, b) }
