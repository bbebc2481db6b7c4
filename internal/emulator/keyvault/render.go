package keyvault

import (
	"strings"

	"strongroom/internal/emulator/keyvault/crypt"
	"strongroom/internal/emulator/keyvault/store"
)

// deletedOut is what a deleted object shows besides.
type deletedOut struct {
	RecoveryID string `json:"recoveryId"`
	Deleted    int64  `json:"deletedDate"`
	Purge      int64  `json:"scheduledPurgeDate"`
}

type secretOut struct {
	Value       *string           `json:"value,omitempty"`
	ContentType string            `json:"contentType,omitempty"`
	ID          string            `json:"id"`
	Kid         string            `json:"kid,omitempty"`
	Managed     bool              `json:"managed,omitempty"`
	Previous    string            `json:"previousVersion,omitempty"`
	Attributes  attributesOut     `json:"attributes"`
	Tags        map[string]string `json:"tags,omitempty"`
	*deletedOut
}

type keyOut struct {
	Kid        string            `json:"kid,omitempty"` // in lists
	Key        *crypt.JWK        `json:"key,omitempty"` // in bundles
	Managed    bool              `json:"managed,omitempty"`
	Attributes attributesOut     `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	*deletedOut
}

// bundle is an object in full, but a secret's value is never in it.
func (c *call) bundle(area Area, item *store.Item, v *store.Version) (any, *failure) {
	switch area {
	case Keys:
		return c.keyBundle(item, v)
	case Certificates:
		return c.certificateBundle(item, v)
	}
	return c.secretBundle(item, v), nil
}

func (c *call) secretBundle(item *store.Item, v *store.Version) secretOut {
	out := c.secretRow(item, v, v.ID)
	if !v.Managed {
		return out
	}
	out.Kid = c.id(Keys, item.Name, v.ID)
	if before := item.Previous(v); before != nil {
		out.Previous = before.ID
	}
	return out
}

func (c *call) secretRow(item *store.Item, v *store.Version, version string) secretOut {
	return secretOut{
		ID: c.id(Secrets, item.Name, version), ContentType: v.Secret.ContentType, Managed: v.Managed,
		Attributes: c.attributes(v), Tags: v.Tags, deletedOut: c.deleted(Secrets, item),
	}
}

func (c *call) keyBundle(item *store.Item, v *store.Version) (keyOut, *failure) {
	material, err := v.Key.Material()
	if err != nil {
		return keyOut{}, failed(err)
	}
	jwk, err := crypt.Public(material, v.Key.Spec)
	if err != nil {
		return keyOut{}, failed(err)
	}
	jwk.Kid, jwk.KeyOps = c.id(Keys, item.Name, v.ID), v.Key.Ops
	out := c.keyRow(item, v, "")
	out.Kid, out.Key = "", &jwk
	return out, nil
}

func (c *call) keyRow(item *store.Item, v *store.Version, version string) keyOut {
	return keyOut{
		Kid: c.id(Keys, item.Name, version), Managed: v.Managed,
		Attributes: c.attributes(v), Tags: v.Tags, deletedOut: c.deleted(Keys, item),
	}
}

// deleted is nil for what lives.
func (c *call) deleted(area Area, item *store.Item) *deletedOut {
	d := item.Deletion
	if d == nil {
		return nil
	}
	return &deletedOut{
		RecoveryID: c.url("/deleted" + string(area) + "/" + item.Name),
		Deleted:    d.At.Unix(), Purge: d.Purge.Unix(),
	}
}

// row is an object's line in a list; version is empty in lists of names.
func (c *call) row(item *store.Item, v *store.Version, version string) (any, *failure) {
	switch c.area {
	case Keys:
		return c.keyRow(item, v, version), nil
	case Certificates:
		return c.certificateRow(item, v, version)
	}
	return c.secretRow(item, v, version), nil
}

// key orders lists of names.
func key(item *store.Item) string { return strings.ToLower(item.Name) }
