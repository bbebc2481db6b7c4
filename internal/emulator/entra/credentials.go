package entra

import (
	"slices"
	"strconv"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/form"
)

// The bounds Entra sets on federated credentials.
const (
	maxFederated     = 20
	maxFederatedText = 600
)

// AddSecret gives an application another secret; an empty KeyID is derived. ref as for Find, in all of these.
func (d *Directory) AddSecret(ref string, s ClientSecret) error {
	return d.change(ref, func(h *holder) error { return h.addSecret(s) })
}

// RemoveSecret takes back the secret with that key id, or else of that name; NotFound when there is none.
func (d *Directory) RemoveSecret(ref, keyIDOrName string) error {
	return d.change(ref, func(h *holder) error {
		kept := slices.DeleteFunc(slices.Clone(h.secrets), func(s ClientSecret) bool {
			return equalID(s.KeyID, keyIDOrName) || s.Name == keyIDOrName
		})
		if len(kept) == len(h.secrets) {
			return fault.New(fault.NotFound, "secret "+keyIDOrName, "%s has no such secret", h.Name)
		}
		h.secrets = kept
		return nil
	})
}

// AddCertificate lets an application sign assertions with the certificate's key.
func (d *Directory) AddCertificate(ref string, c ClientCertificate) error {
	return d.change(ref, func(h *holder) error {
		if h.Kind != KindApplication {
			return fault.New(fault.Invalid, "certificate "+c.Name, "%s is a managed identity; it holds none", h.Name)
		}
		if c.Certificate == nil {
			return fault.New(fault.Invalid, "certificate "+c.Name, "is empty")
		}
		h.certificates = append(slices.Clone(h.certificates), c)
		return nil
	})
}

// AddFederated trusts an issuer's subject in place of a secret. A subject that does not exist is accepted, as in Entra.
func (d *Directory) AddFederated(ref string, f FederatedCredential) error {
	return d.change(ref, func(h *holder) error {
		if f.Created.IsZero() {
			f.Created = d.clock.Now()
		}
		return h.addFederated(f)
	})
}

// PutFederated is AddFederated for a name that may be there already: then the new one takes its place. It reports whether
// the name is new.
func (d *Directory) PutFederated(ref string, f FederatedCredential) (isNew bool, err error) {
	err = d.change(ref, func(h *holder) error {
		before := h.federated
		h.federated = slices.DeleteFunc(slices.Clone(before), func(have FederatedCredential) bool { return have.Name == f.Name })
		isNew = len(h.federated) == len(before)
		if f.Created.IsZero() {
			f.Created = d.clock.Now()
		}
		if err := h.addFederated(f); err != nil {
			h.federated = before
			return err
		}
		return nil
	})
	return isNew, err
}

// RemoveFederated takes the credential of that name back; NotFound when there is none.
func (d *Directory) RemoveFederated(ref, name string) error {
	return d.change(ref, func(h *holder) error {
		kept := slices.DeleteFunc(slices.Clone(h.federated), func(f FederatedCredential) bool { return f.Name == name })
		if len(kept) == len(h.federated) {
			return fault.New(fault.NotFound, "federated credential "+name, "%s has no such credential", h.Name)
		}
		h.federated = kept
		return nil
	})
}

// SetBlocked turns conditional access against an application on or off (AADSTS53003).
func (d *Directory) SetBlocked(ref string, blocked bool) error {
	return d.change(ref, func(h *holder) error {
		if h.Kind != KindApplication {
			return fault.New(fault.Unsupported, h.Name, "conditional access does not apply to managed identities")
		}
		h.blocked = blocked
		return nil
	})
}

func (h *holder) addSecret(s ClientSecret) error {
	if h.Kind != KindApplication {
		return fault.New(fault.Invalid, "secret "+s.Name, "%s is a managed identity; it holds none", h.Name)
	}
	if s.Value.Len() == 0 {
		return fault.New(fault.Invalid, "secret "+s.Name, "has no value")
	}
	if s.KeyID == "" {
		s.KeyID = deriveGUID("secret", h.ClientID, s.Name, strconv.Itoa(len(h.secrets)))
	}
	h.secrets = append(slices.Clone(h.secrets), s)
	return nil
}

func (h *holder) addFederated(f FederatedCredential) error {
	subject := "federated credential " + f.Name
	if err := f.check(subject); err != nil {
		return err
	}
	if h.Kind == KindSystemAssigned {
		return fault.New(fault.Invalid, subject, "%s is system-assigned; it holds none", h.Name)
	}
	if len(h.federated) >= maxFederated {
		return fault.New(fault.Invalid, subject, "%s has %d credentials, the most Entra allows", h.Name, maxFederated)
	}
	for _, other := range h.federated {
		if other.Name == f.Name {
			return fault.New(fault.Invalid, subject, "%s has one of that name", h.Name)
		}
		if other.Issuer == f.Issuer && other.Subject == f.Subject {
			return fault.New(fault.Invalid, subject, "%s trusts that issuer and subject already, as %s", h.Name, other.Name)
		}
	}
	h.federated = append(slices.Clone(h.federated), f)
	return nil
}

var credentialName = form.UpTo(120, `^[A-Za-z0-9][A-Za-z0-9_-]{2,}$`)

func (f FederatedCredential) check(subject string) error {
	if !credentialName.MatchString(f.Name) {
		return fault.New(fault.Invalid, subject, "a name is 3 to 120 letters, digits, - or _, the first a letter or digit")
	}
	fields := []struct{ name, text string }{{"issuer", f.Issuer}, {"subject", f.Subject}, {"audience", f.Audience}}
	for _, field := range fields {
		if field.text == "" || len(field.text) > maxFederatedText {
			return fault.New(fault.Invalid, subject, "its %s must have 1 to %d characters", field.name, maxFederatedText)
		}
	}
	if !strings.HasPrefix(f.Issuer, "https://") {
		return fault.New(fault.Invalid, subject, "its issuer must be an https URL")
	}
	return nil
}
