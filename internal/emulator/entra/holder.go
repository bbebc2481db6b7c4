package entra

import (
	"slices"
	"strings"
)

// holder is a principal with its credentials: the one form applications and identities are kept in.
type holder struct {
	Principal
	secrets      []ClientSecret
	certificates []ClientCertificate
	federated    []FederatedCredential
	blocked      bool
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
	return c
}

func (h *holder) application() Application {
	c := h.copy()
	return Application{
		Name: c.Name, TenantID: c.TenantID, ClientID: c.ClientID, ObjectID: c.ObjectID,
		Secrets: c.secrets, Certificates: c.certificates, Federated: c.federated, Blocked: c.blocked,
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
