package entra

import (
	"slices"
	"strings"
	"time"
)

// holder is a principal with its credentials: the one form applications and identities are kept in.
type holder struct {
	Principal
	secrets      []ClientSecret
	certificates []ClientCertificate
	federated    []FederatedCredential
	blocked      bool
	registration
}

// registration is what only applications have.
type registration struct {
	id         string // object id
	uris       []string
	unenrolled bool
	created    time.Time
}

// is reports whether ref names the principal by one of its ids.
func (h *holder) is(ref string) bool {
	return ref != "" && (strings.EqualFold(h.ClientID, ref) || strings.EqualFold(h.ObjectID, ref) ||
		strings.EqualFold(h.ResourceID, ref))
}

// copy shares nothing that a later change of the holder could touch.
func (h *holder) copy() holder {
	c := *h
	c.secrets = slices.Clone(h.secrets)
	c.certificates = slices.Clone(h.certificates)
	c.federated = slices.Clone(h.federated)
	c.uris = slices.Clone(h.uris)
	return c
}

func (h *holder) application() Application {
	c := h.copy()
	return Application{
		Name: c.Name, TenantID: c.TenantID, ClientID: c.ClientID, ObjectID: c.ObjectID,
		Secrets: c.secrets, Certificates: c.certificates, Federated: c.federated, Blocked: c.blocked,
		RegistrationID: c.id, IdentifierURIs: c.uris, Unenrolled: c.unenrolled, Created: c.created,
	}
}

func (h *holder) identity() Identity {
	c := h.copy()
	return Identity{
		Name: c.Name, TenantID: c.TenantID, ClientID: c.ClientID, ObjectID: c.ObjectID, ResourceID: c.ResourceID,
		SystemAssigned: c.Kind == KindSystemAssigned, Federated: c.federated,
	}
}

func holderOfApplication(a Application) *holder {
	return &holder{
		Principal: Principal{
			Kind: KindApplication, Name: a.Name, TenantID: a.TenantID, ClientID: a.ClientID, ObjectID: a.ObjectID,
		},
		secrets: a.Secrets, certificates: a.Certificates, federated: a.Federated, blocked: a.Blocked,
		registration: registration{a.RegistrationID, a.IdentifierURIs, a.Unenrolled, a.Created},
	}
}

func holderOfIdentity(i Identity) *holder {
	kind := KindUserAssigned
	if i.SystemAssigned {
		kind = KindSystemAssigned
	}
	return &holder{
		Principal: Principal{
			Kind: kind, Name: i.Name, TenantID: i.TenantID, ClientID: i.ClientID, ObjectID: i.ObjectID,
			ResourceID: i.ResourceID,
		},
		federated: i.Federated,
	}
}
