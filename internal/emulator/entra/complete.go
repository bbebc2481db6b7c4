package entra

import (
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
	return h.adoptCredentials(subject)
}

func (h *holder) deriveIDs() {
	seed := h.Name
	if seed == "" {
		seed = h.ClientID
	}
	if h.ClientID == "" {
		h.ClientID = deriveGUID(string(h.Kind), "client", h.TenantID, seed)
	}
	if h.ObjectID == "" {
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
	for _, id := range []string{h.ClientID, h.ObjectID} {
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
