package keyvault

import (
	"slices"

	"strongroom/internal/emulator/keyvault/crypt"
	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
)

type opIn struct {
	Alg    string       `json:"alg"`
	Value  crypt.Binary `json:"value"`
	Digest crypt.Binary `json:"digest"`
	IV     crypt.Binary `json:"iv"`
	Tag    crypt.Binary `json:"tag"`
	AAD    crypt.Binary `json:"aad"`
}

type opOut struct {
	Kid   string       `json:"kid"`
	Value crypt.Binary `json:"value"`
	IV    crypt.Binary `json:"iv,omitempty"`
	Tag   crypt.Binary `json:"tag,omitempty"`
	AAD   crypt.Binary `json:"aad,omitempty"`
}

// used is a key that may be used now, with its material at hand.
type used struct {
	kid      string
	material any
	in       opIn
}

// use opens the named key for an operation. Outside its validity a key still undoes what it once did, but does nothing
// new.
func (c *call) use(op string, undoes bool) (used, *failure) {
	item, v, f := c.version()
	if f != nil {
		return used{}, f
	}
	if f := c.usable(v, op, undoes); f != nil {
		return used{}, f
	}
	u := used{kid: c.id(Keys, item.Name, v.ID)}
	if f := c.decode(&u.in); f != nil {
		return used{}, f
	}
	var err error
	if u.material, err = v.Key.Material(); err != nil {
		return used{}, failed(err)
	}
	return u, nil
}

func (c *call) usable(v *store.Version, op string, undoes bool) *failure {
	now := c.now.Unix()
	switch {
	case !v.Enabled:
		return forbidden("KeyDisabled", "Operation %s is not allowed on a disabled key.", op)
	case !slices.Contains(v.Key.Ops, op):
		return forbidden("KeyOperationForbidden", "Operation %s is not permitted on this key.", op)
	case undoes:
		return nil
	case v.NotBefore != 0 && now < v.NotBefore:
		return forbidden("KeyNotYetValid", "Operation %s is not allowed on a key that is not yet valid.", op)
	case v.Expires != 0 && now >= v.Expires:
		return forbidden("KeyExpired", "Operation %s is not allowed on an expired key.", op)
	}
	return nil
}

func sign(c *call) (answer, *failure) {
	u, f := c.use("sign", false)
	if f != nil {
		return answer{}, f
	}
	signature, err := crypt.Sign(u.material, u.in.Alg, u.in.Value)
	if err != nil {
		return answer{}, failed(err)
	}
	return ok(opOut{Kid: u.kid, Value: signature})
}

func verify(c *call) (answer, *failure) {
	u, f := c.use("verify", true)
	if f != nil {
		return answer{}, f
	}
	good, err := crypt.Verify(u.material, u.in.Alg, u.in.Digest, u.in.Value)
	if err != nil {
		return answer{}, failed(err)
	}
	return ok(map[string]bool{"value": good})
}

func encrypt(c *call) (answer, *failure)   { return seal(c, "encrypt") }
func wrapKey(c *call) (answer, *failure)   { return seal(c, "wrapKey") }
func decrypt(c *call) (answer, *failure)   { return unseal(c, "decrypt") }
func unwrapKey(c *call) (answer, *failure) { return unseal(c, "unwrapKey") }

func seal(c *call, op string) (answer, *failure) {
	u, f := c.use(op, false)
	if f != nil {
		return answer{}, f
	}
	s, err := crypt.Encrypt(u.material, u.in.Alg, u.in.Value, u.in.AAD)
	if err != nil {
		return answer{}, failed(err)
	}
	return ok(opOut{Kid: u.kid, Value: s.Text, IV: s.IV, Tag: s.Tag, AAD: s.AAD})
}

func unseal(c *call, op string) (answer, *failure) {
	u, f := c.use(op, true)
	if f != nil {
		return answer{}, f
	}
	sealed := crypt.Sealed{Text: u.in.Value, IV: u.in.IV, Tag: u.in.Tag, AAD: u.in.AAD}
	plain, err := crypt.Decrypt(u.material, u.in.Alg, sealed)
	if err != nil {
		return answer{}, failed(err)
	}
	return ok(opOut{Kid: u.kid, Value: plain})
}

// randomBytes is an operation of managed HSMs that costs nothing to have.
func randomBytes(c *call) (answer, *failure) {
	var in struct {
		Count int `json:"count"`
	}
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if in.Count < 1 || in.Count > 128 {
		return answer{}, badParameter("count must be a number from 1 to 128.")
	}
	return ok(map[string]crypt.Binary{"value": mint.RandomBytes(in.Count)})
}
