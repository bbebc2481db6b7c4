package entra

import (
	"slices"

	"strongroom/internal/fault"
)

// Registration finds an application by the object id of its registration or by its client id, in any case, whether it
// has a service principal or not.
func (d *Directory) Registration(ref string) (Application, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if h := d.registeredLocked(ref); h != nil {
		return h.application(), true
	}
	return Application{}, false
}

func (d *Directory) registeredLocked(ref string) *holder {
	for _, h := range d.holders {
		if h.Kind == KindApplication && (equalID(h.registration.id, ref) || equalID(h.ClientID, ref)) {
			return h
		}
	}
	return nil
}

// amend applies a change to an application; NotFound when there is none. ref as for Registration, in all that follow.
func (d *Directory) amend(ref string, apply func(*holder) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.registeredLocked(ref)
	if h == nil {
		return fault.New(fault.NotFound, "application "+ref, "is not registered")
	}
	return apply(h)
}

// Enroll makes the service principal of an application, with an object id nobody had before. Busy when it has one.
func (d *Directory) Enroll(ref string) (Principal, error) {
	var made Principal
	err := d.amend(ref, func(h *holder) error {
		if !h.unenrolled {
			return fault.New(fault.Busy, "application "+h.Name, "has a service principal already")
		}
		h.unenrolled, h.ObjectID = false, newGUID()
		made = h.Principal
		return nil
	})
	return made, err
}

// Withdraw takes an application's service principal away and leaves the registration. NotFound when it has none.
func (d *Directory) Withdraw(ref string) error {
	return d.amend(ref, func(h *holder) error {
		if h.unenrolled {
			return fault.New(fault.NotFound, "application "+h.Name, "has no service principal")
		}
		h.unenrolled, h.ObjectID = true, ""
		return nil
	})
}

// Unregister takes an application away, its service principal with it. It reports whether there was one.
func (d *Directory) Unregister(ref string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	gone := d.registeredLocked(ref)
	before := len(d.holders)
	d.holders = slices.DeleteFunc(slices.Clone(d.holders), func(h *holder) bool { return h == gone })
	return len(d.holders) < before
}

// Rename gives an application another name. Names need not be unique.
func (d *Directory) Rename(ref, name string) error {
	return d.amend(ref, func(h *holder) error {
		if name == "" {
			return fault.New(fault.Invalid, "application "+ref, "needs a name")
		}
		h.Name = name
		return nil
	})
}

// SetIdentifierURIs replaces an application's further names. Invalid when another one has one of them.
func (d *Directory) SetIdentifierURIs(ref string, uris []string) error {
	return d.amend(ref, func(h *holder) error {
		if err := d.freeLocked(h, uris); err != nil {
			return err
		}
		h.uris = slices.Clone(uris)
		return nil
	})
}

// SetCertificates replaces the certificates an application may sign assertions with.
func (d *Directory) SetCertificates(ref string, list []ClientCertificate) error {
	return d.amend(ref, func(h *holder) error {
		for _, c := range list {
			if c.Certificate == nil {
				return fault.New(fault.Invalid, "certificate "+c.Name, "is empty")
			}
		}
		h.certificates = slices.Clone(list)
		return nil
	})
}
