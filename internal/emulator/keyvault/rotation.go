package keyvault

import (
	"encoding/json"
	"slices"

	"strongroom/internal/emulator/keyvault/store"
)

// rotateKey makes a new version like the latest one. That a policy asks for rotation at some time is stored and told,
// but nothing here acts on it.
func rotateKey(c *call) (answer, *failure) {
	item, f := c.live()
	if f != nil {
		return answer{}, f
	}
	last := item.Latest()
	if last.Managed {
		return answer{}, Keys.noun().managed("rotate", item.Name)
	}
	in := &attributesIn{Exportable: &last.Key.Exportable}
	return c.addKey(last.Key.Spec, store.Later(last.Key.Spec.Generate), slices.Clone(last.Key.Ops), in, last.Tags)
}

type rotationPolicy struct {
	ID         string          `json:"id,omitempty"`
	Actions    json.RawMessage `json:"lifetimeActions,omitempty"`
	Attributes struct {
		Expiry  string `json:"expiryTime,omitempty"`
		Created int64  `json:"created,omitempty"`
		Updated int64  `json:"updated,omitempty"`
	} `json:"attributes"`
}

// notifyOnly is the policy of a key that was never given one.
const notifyOnly = `{"lifetimeActions":[{"trigger":{"timeBeforeExpiry":"P30D"},"action":{"type":"Notify"}}],"attributes":{}}`

func getRotationPolicy(c *call) (answer, *failure) {
	item, f := c.live()
	if f != nil {
		return answer{}, f
	}
	p, err := c.rotation(item)
	if err != nil {
		return answer{}, failed(err)
	}
	return ok(p)
}

func (c *call) rotation(item *store.Item) (rotationPolicy, error) {
	var p rotationPolicy
	raw := item.Policy
	if raw == nil {
		raw = json.RawMessage(notifyOnly)
	}
	err := json.Unmarshal(raw, &p)
	p.ID = c.id(Keys, item.Name, "") + "/rotationpolicy"
	return p, err
}

func setRotationPolicy(c *call) (answer, *failure) {
	item, f := c.live()
	if f != nil {
		return answer{}, f
	}
	p, err := c.rotation(item)
	if err != nil {
		return answer{}, failed(err)
	}
	created := orElse(p.Attributes.Created, c.now.Unix())
	if f := c.decode(&p); f != nil {
		return answer{}, f
	}
	p.ID = c.id(Keys, item.Name, "") + "/rotationpolicy"
	p.Attributes.Created, p.Attributes.Updated = created, c.now.Unix()
	if item.Policy, err = json.Marshal(p); err != nil {
		return answer{}, failed(err)
	}
	return ok(p)
}
