package keyvault

import (
	"slices"
	"strings"

	"strongroom/internal/emulator/keyvault/crypt"
	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
)

type createKeyIn struct {
	Kty        string            `json:"kty"`
	Size       int               `json:"key_size"`
	Curve      string            `json:"crv"`
	Ops        []string          `json:"key_ops"`
	Attributes *attributesIn     `json:"attributes"`
	Tags       map[string]string `json:"tags"`
}

// spec fills in what the service assumes: 2048 bits, P-256, 256 bits.
func (in createKeyIn) spec() (mint.KeySpec, *failure) {
	kind, hsm := strings.CutSuffix(in.Kty, "-HSM")
	s := mint.KeySpec{Type: kind, HSM: hsm}
	switch kind {
	case "RSA":
		s.Bits = orElse(in.Size, 2048)
	case "EC":
		s.Curve = orElse(in.Curve, "P-256")
	case "oct":
		s.Bits = orElse(in.Size, 256)
	}
	if err := s.Check(); err != nil {
		return s, badParameter("A key of type %q, size %d and curve %q cannot be created.", in.Kty, in.Size, in.Curve)
	}
	return s, nil
}

func orElse[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

func createKey(c *call) (answer, *failure) {
	var in createKeyIn
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	spec, f := in.spec()
	if f != nil {
		return answer{}, f
	}
	material := store.Later(spec.Generate)
	return c.addKey(spec, material, in.Ops, in.Attributes, in.Tags)
}

type importKeyIn struct {
	Key        *crypt.JWK        `json:"key"`
	HSM        bool              `json:"Hsm"`
	Attributes *attributesIn     `json:"attributes"`
	Tags       map[string]string `json:"tags"`
}

func importKey(c *call) (answer, *failure) {
	var in importKeyIn
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if in.Key == nil {
		return answer{}, badParameter("The parameter key is required.")
	}
	material, spec, err := in.Key.Private()
	if err != nil {
		return answer{}, failed(err)
	}
	spec.HSM = spec.HSM || in.HSM
	return c.addKey(spec, store.Known(material), in.Key.KeyOps, in.Attributes, in.Tags)
}

func (c *call) addKey(spec mint.KeySpec, material store.Lazy[any], ops []string, in *attributesIn,
	tags map[string]string) (answer, *failure) {
	if f := checkOps(ops); f != nil {
		return answer{}, f
	}
	if f := c.free(Keys, c.name()); f != nil {
		return answer{}, f
	}
	v, f := c.fresh(in, tags)
	if f != nil {
		return answer{}, f
	}
	if ops == nil {
		ops = defaultOps(spec)
	}
	v.Key = &store.Key{Material: material, Spec: spec, Ops: ops}
	if in != nil && in.Exportable != nil {
		v.Key.Exportable = *in.Exportable
	}
	item := c.data.Keys.Add(c.name(), v)
	out, f := c.keyBundle(item, v)
	if f != nil {
		return answer{}, f
	}
	return ok(out)
}

func defaultOps(spec mint.KeySpec) []string {
	switch spec.Type {
	case "EC":
		return []string{"sign", "verify"}
	case "oct":
		return []string{"encrypt", "decrypt", "wrapKey", "unwrapKey"}
	}
	return []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"}
}

// knownOps may stand in key_ops, whether this emulator can do them or not.
var knownOps = []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey", "import", "export"}

func checkOps(ops []string) *failure {
	for _, op := range ops {
		if !slices.Contains(knownOps, op) {
			return badParameter("The key operation %q is not known.", op)
		}
	}
	return nil
}
