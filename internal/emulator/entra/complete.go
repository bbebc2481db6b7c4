package entra

import (
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// completeLocked fills in a new principal's ids and checks it against the directory.
func (d *Directory) completeLocked(h *holder) error {
	subject := string(h.Kind) + " " + h.Name
	if h.Name == "" && h.ClientID == "" {
		return fault.New(fault.Invalid, subject, "needs a name or a client id")
	}
	tenant, err := d.tenantForLocked(subject, h.TenantID)
	if err != nil {
		return err
	}
	h.TenantID = tenant.ID
	h.deriveIDs()
	if err := h.checkIDs(subject); err != nil {
		return err
	}
	for _, ref := range []string{h.ClientID, h.ObjectID, h.ResourceID} {
		for _, other := range d.holders {
			if other.is(ref) {
				return fault.New(fault.Invalid, subject, "the id %s belongs to %s %s already", ref, other.Kind, other.Name)
			}
		}
	}
	if err := d.registrableLocked(h, subject); err != nil {
		return err
	}
	return h.adoptCredentials(subject)
}

// registrableLocked refuses an application under an object id or a URI that another one has.
func (d *Directory) registrableLocked(h *holder, subject string) error {
	for _, other := range d.holders {
		if other != h && equalID(h.registration.id, other.registration.id) {
			return fault.New(fault.Invalid, subject, "the id %s belongs to the registration of %s already", h.registration.id, other.Name)
		}
	}
	return d.freeLocked(h, h.uris)
}

// freeLocked refuses URIs that an application other than h has.
func (d *Directory) freeLocked(h *holder, uris []string) error {
	for _, other := range d.holders {
		for _, uri := range uris {
			if other != h && slices.Contains(other.uris, uri) {
				return fault.New(fault.Invalid, "application "+h.Name, "the URI %s belongs to %s already", uri, other.Name)
			}
		}
	}
	return nil
}

func (h *holder) deriveIDs() {
	seed := h.Name
	if seed == "" {
		seed = h.ClientID
	}
	if h.ClientID == "" {
		h.ClientID = deriveGUID(string(h.Kind), "client", h.TenantID, seed)
	}
	if h.Kind == KindApplication && h.registration.id == "" {
		h.registration.id = deriveGUID("registration", h.TenantID, seed)
	}
	if h.ObjectID == "" && !h.unenrolled {
		h.ObjectID = deriveGUID(string(h.Kind), "object", h.TenantID, seed)
	}
	if h.ResourceID != "" {
		return
	}
	group := "/subscriptions/" + deriveGUID("subscription", h.TenantID) + "/resourceGroups/emulator/providers/"
	switch h.Kind {
	case KindUserAssigned:
		h.ResourceID = group + "Microsoft.ManagedIdentity/userAssignedIdentities/" + seed
	case KindSystemAssigned:
		h.ResourceID = group + "Microsoft.Compute/virtualMachines/" + seed
	}
}

func (h *holder) checkIDs(subject string) error {
	ids := []string{h.ClientID, h.ObjectID}
	switch {
	case h.unenrolled && h.ObjectID != "":
		return fault.New(fault.Invalid, subject, "without a service principal there is no object id")
	case h.unenrolled:
		ids = []string{h.ClientID, h.registration.id}
	case h.Kind == KindApplication:
		ids = append(ids, h.registration.id)
	}
	for _, id := range ids {
		if !isGUID(id) {
			return fault.New(fault.Invalid, subject, "the id %q is not a GUID", id)
		}
	}
	if h.Kind != KindApplication && !strings.HasPrefix(strings.ToLower(h.ResourceID), "/subscriptions/") {
		return fault.New(fault.Invalid, subject, "the resource id %q does not begin with /subscriptions/", h.ResourceID)
	}
	return nil
}

// adoptCredentials checks what the principal came with by the rules single credentials are added by.
func (h *holder) adoptCredentials(subject string) error {
	secrets, federated := h.secrets, h.federated
	h.secrets, h.federated = nil, nil
	h.certificates = append([]ClientCertificate(nil), h.certificates...)
	for _, s := range secrets {
		if err := h.addSecret(s); err != nil {
			return err
		}
	}
	for _, c := range h.certificates {
		if c.Certificate == nil {
			return fault.New(fault.Invalid, subject, "the certificate %q is empty", c.Name)
		}
	}
	for _, f := range federated {
		if err := h.addFederated(f); err != nil {
			return err
		}
	}
	return nil
}
