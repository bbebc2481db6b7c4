package keyvault

import (
	"strongroom/internal/emulator/keyvault/store"
)

// get answers one version of an object. A disabled secret is refused; a disabled key or certificate can be looked at.
// Validity times are only told: what has expired is still handed out, as the service does.
func get(c *call) (answer, *failure) {
	item, v, f := c.version()
	if f != nil {
		return answer{}, f
	}
	if c.area == Secrets {
		return c.secretWithValue(item, v)
	}
	out, f := c.bundle(c.area, item, v)
	if f != nil {
		return answer{}, f
	}
	return ok(out)
}

type updateIn struct {
	Attributes  *attributesIn     `json:"attributes"`
	Tags        map[string]string `json:"tags"`
	ContentType *string           `json:"contentType"` // secrets
	KeyOps      []string          `json:"key_ops"`     // keys
	Policy      *policy           `json:"policy"`      // certificates
}

// update changes what may change without a new version. A certificate takes what backs it along.
func update(c *call) (answer, *failure) {
	item, v, f := c.version()
	if f != nil {
		return answer{}, f
	}
	if c.area != Certificates && v.Managed {
		return answer{}, c.area.noun().managed("update", item.Name)
	}
	var in updateIn
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if f := c.updateBody(item, v, in); f != nil {
		return answer{}, f
	}
	for _, version := range c.data.Behind(c.shelf(), item, v) {
		if f := apply(version, in.Attributes, in.Tags); f != nil {
			return answer{}, f
		}
		version.Updated = c.now.Unix()
	}
	out, f := c.bundle(c.area, item, v)
	if f != nil {
		return answer{}, f
	}
	return ok(out)
}

// updateBody changes what only one sort of object has. Everything is checked before anything changes.
func (c *call) updateBody(item *store.Item, v *store.Version, in updateIn) *failure {
	if f := checkTags(in.Tags); f != nil {
		return f
	}
	switch {
	case v.Secret != nil && in.ContentType != nil:
		if f := checkContentType(*in.ContentType); f != nil {
			return f
		}
		v.Secret.ContentType = *in.ContentType
	case v.Key != nil && in.KeyOps != nil:
		if f := checkOps(in.KeyOps); f != nil {
			return f
		}
		v.Key.Ops = in.KeyOps
	case v.Certificate != nil && in.Policy != nil:
		return c.changePolicy(item, *in.Policy)
	}
	return nil
}
