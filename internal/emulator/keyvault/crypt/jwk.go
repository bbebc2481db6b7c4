package crypt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/fault"
)

// Binary is bytes as base64url without padding; padding is forgiven on the way in.
type Binary []byte

// MarshalText writes base64url.
func (b Binary) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText reads base64url.
func (b *Binary) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(text), "="))
	*b = raw
	return err
}

// JWK is a key in the JSON of Key Vault. What goes out holds public members only.
type JWK struct {
	Kid    string   `json:"kid,omitempty"`
	Kty    string   `json:"kty"`
	KeyOps []string `json:"key_ops,omitempty"`
	N      Binary   `json:"n,omitempty"`
	E      Binary   `json:"e,omitempty"`
	Crv    string   `json:"crv,omitempty"`
	X      Binary   `json:"x,omitempty"`
	Y      Binary   `json:"y,omitempty"`
	D      Binary   `json:"d,omitempty"`
	P      Binary   `json:"p,omitempty"`
	Q      Binary   `json:"q,omitempty"`
	K      Binary   `json:"k,omitempty"`
}

// Public is the public part of a key in JWK form; of a symmetric key that is nothing but its type.
func Public(key any, spec mint.KeySpec) (JWK, error) {
	jwk := JWK{Kty: spec.Kty()}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		jwk.N, jwk.E = k.N.Bytes(), big.NewInt(int64(k.E)).Bytes()
	case *ecdsa.PrivateKey:
		point, err := k.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return JWK{}, err
		}
		half := (len(point) - 1) / 2
		jwk.Crv, jwk.X, jwk.Y = spec.Curve, point[1:1+half], point[1+half:]
	}
	return jwk, nil
}

// Private makes a key of a JWK that holds one. Invalid when members are missing or do not belong together.
func (j JWK) Private() (any, mint.KeySpec, error) {
	kind, hsm := strings.CutSuffix(j.Kty, "-HSM")
	key, err := j.material(kind)
	if err != nil {
		return nil, mint.KeySpec{}, err
	}
	spec, err := mint.SpecOf(key)
	spec.HSM = hsm
	return key, spec, err
}

func (j JWK) material(kind string) (any, error) {
	switch kind {
	case "RSA":
		return j.rsa()
	case "EC":
		return j.ec()
	case "oct":
		return mint.Symmetric(j.K), nil
	}
	return nil, fault.New(fault.Invalid, "key type "+j.Kty, "is not known")
}

// mostBits is the longest RSA key that Key Vault takes. What is longer is refused before anybody computes with it: the work
// grows with the cube of its length.
const mostBits = 4096

func (j JWK) rsa() (any, error) {
	for _, number := range []Binary{j.N, j.D, j.P, j.Q} {
		if new(big.Int).SetBytes(number).BitLen() > mostBits {
			return nil, fault.New(fault.Invalid, "key", "is longer than %d bits", mostBits)
		}
	}
	e := new(big.Int).SetBytes(j.E)
	if !e.IsInt64() || e.Int64() > 1<<31-1 {
		return nil, fault.New(fault.Invalid, "key", "has no usable public exponent")
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).SetBytes(j.N), E: int(e.Int64())},
		D:         new(big.Int).SetBytes(j.D),
		Primes:    []*big.Int{new(big.Int).SetBytes(j.P), new(big.Int).SetBytes(j.Q)},
	}
	if err := key.Validate(); err != nil {
		return nil, fault.New(fault.Invalid, "key", "is not a private RSA key")
	}
	key.Precompute()
	return key, nil
}

func (j JWK) ec() (any, error) {
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	curve := curves[j.Crv]
	if curve == nil {
		return nil, fault.New(fault.Invalid, "curve "+j.Crv, "is not known")
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(j.D) > size {
		return nil, fault.New(fault.Invalid, "key", "is not a private key of curve %s", j.Crv)
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, append(make([]byte, size-len(j.D)), j.D...))
	if err != nil {
		return nil, fault.New(fault.Invalid, "key", "is not a private key of curve %s", j.Crv)
	}
	return key, nil
}
