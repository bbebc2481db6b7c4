package keyvault

import (
	"strongroom/internal/emulator/keyvault/crypt"
	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
)

type certificateOut struct {
	ID            string            `json:"id"`
	Kid           string            `json:"kid,omitempty"`
	Sid           string            `json:"sid,omitempty"`
	Thumbprint    crypt.Binary      `json:"x5t,omitempty"`
	Cer           []byte            `json:"cer,omitempty"`
	ContentType   string            `json:"contentType,omitempty"`
	Attributes    attributesOut     `json:"attributes"`
	Tags          map[string]string `json:"tags,omitempty"`
	Policy        *policy           `json:"policy,omitempty"`
	Pending       *pendingLink      `json:"pending,omitempty"`
	PreserveOrder *bool             `json:"preserveCertOrder,omitempty"`
	Subject       *string           `json:"subject,omitempty"` // in lists, and always empty there
	*deletedOut
}

type pendingLink struct {
	ID string `json:"id"`
}

func (c *call) certificateBundle(item *store.Item, v *store.Version) (certificateOut, *failure) {
	out, f := c.certificateCore(item, v, v.ID)
	if f != nil {
		return out, f
	}
	p, err := c.shownPolicy(item)
	if err != nil {
		return out, failed(err)
	}
	out.Policy = p
	out.ContentType = p.Secret.ContentType
	out.Kid, out.Sid = c.id(Keys, item.Name, v.ID), c.id(Secrets, item.Name, v.ID)
	out.PreserveOrder = &v.Certificate.PreserveOrder
	if item.Request != nil {
		out.Pending = &pendingLink{c.id(Certificates, item.Name, "") + "/pending"}
	}
	if leaf, _ := v.Certificate.Leaf(); leaf != nil {
		out.Cer = leaf.Raw
	}
	return out, nil
}

// certificateCore is what bundles and lists have in common.
func (c *call) certificateCore(item *store.Item, v *store.Version, version string) (certificateOut, *failure) {
	out := certificateOut{
		ID: c.id(Certificates, item.Name, version), Attributes: c.attributes(v), Tags: v.Tags,
		deletedOut: c.deleted(Certificates, item),
	}
	leaf, err := v.Certificate.Leaf()
	if err != nil {
		return out, failed(err)
	}
	if leaf != nil {
		out.Thumbprint = mint.Thumbprint(leaf)
	}
	return out, nil
}

func (c *call) certificateRow(item *store.Item, v *store.Version, version string) (certificateOut, *failure) {
	out, f := c.certificateCore(item, v, version)
	out.Subject = new(string)
	out.Attributes.RecoveryLevel, out.Attributes.RecoverableDays = "", 0
	return out, f
}

// freeCertificate says why a version of the named certificate cannot be begun: its key and secret need their names too.
func (c *call) freeCertificate() *failure {
	for _, area := range []Area{Certificates, Keys, Secrets} {
		if f := c.free(area, c.name()); f != nil {
			return f
		}
	}
	for _, area := range []Area{Keys, Secrets} {
		item, state := shelfOf(c.data, area).Look(c.name(), c.now)
		if state == store.Live && !item.Latest().Managed {
			return conflict("", "A %s named %s exists that does not belong to a certificate.", area.noun().word, item.Name)
		}
	}
	if item, _ := c.data.Certificates.Look(c.name(), c.now); item != nil && item.Request.Open() {
		return conflict("", "A new key vault certificate can not be created or imported while a pending key vault "+
			"certificate's status is inProgress.")
	}
	return nil
}
