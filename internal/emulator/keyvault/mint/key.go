// Package mint makes what a vault keeps: keys, certificate chains, and the PEM and PKCS#12 containers they travel in.
// It knows nothing of vaults, requests or clocks; times come in with the specification.
package mint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"strongroom/internal/fault"
)

// KeySpec says what kind of key to make. Type is "RSA", "EC" or "oct"; Bits counts for RSA and oct, Curve ("P-256",
// "P-384", "P-521") for EC. HSM only changes what the key calls itself: there is no hardware here.
type KeySpec struct {
	Type  string
	Bits  int
	Curve string
	HSM   bool
}

// Symmetric is the material of an "oct" key.
type Symmetric []byte

var (
	rsaBits   = []int{2048, 3072, 4096}
	octBits   = []int{128, 192, 256}
	curveByID = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
)

// ParseKeySpec reads "RSA-2048", "EC-P256" or "oct-256", each optionally with "-HSM" behind it. Empty is EC-P256.
func ParseKeySpec(text string) (KeySpec, error) {
	if text == "" {
		text = "EC-P256"
	}
	rest, hsm := strings.CutSuffix(text, "-HSM")
	kind, size, _ := strings.Cut(rest, "-")
	spec := KeySpec{Type: kind, HSM: hsm}
	if digits, curve := strings.CutPrefix(size, "P"); curve {
		spec.Curve = "P-" + strings.TrimPrefix(digits, "-")
	} else {
		spec.Bits, _ = strconv.Atoi(size)
	}
	if err := spec.Check(); err != nil {
		return KeySpec{}, fault.New(fault.Invalid, "key type "+text, "is not known").
			Mend("write RSA-2048, RSA-3072, RSA-4096, EC-P256, EC-P384, EC-P521, oct-128, oct-192 or oct-256")
	}
	return spec, nil
}

// String is the inverse of ParseKeySpec.
func (s KeySpec) String() string {
	text := s.Type + "-" + strconv.Itoa(s.Bits)
	if s.Type == "EC" {
		text = "EC-" + strings.ReplaceAll(s.Curve, "-", "")
	}
	if s.HSM {
		text += "-HSM"
	}
	return text
}

// Kty is the key type as JSON web keys of Key Vault spell it: "RSA-HSM" and the like for HSM keys.
func (s KeySpec) Kty() string {
	if s.HSM {
		return s.Type + "-HSM"
	}
	return s.Type
}

// Check is nil when Generate would work.
func (s KeySpec) Check() error {
	switch s.Type {
	case "RSA":
		if slices.Contains(rsaBits, s.Bits) {
			return nil
		}
	case "oct":
		if slices.Contains(octBits, s.Bits) {
			return nil
		}
	case "EC":
		if curveByID[s.Curve] != nil {
			return nil
		}
	}
	return fault.New(fault.Invalid, "key "+s.String(), "cannot be made: unknown type, size or curve")
}

// Generate makes a key: *rsa.PrivateKey, *ecdsa.PrivateKey or Symmetric. An RSA key takes a tenth of a second and more.
func (s KeySpec) Generate() (any, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	switch s.Type {
	case "RSA":
		return rsa.GenerateKey(rand.Reader, s.Bits)
	case "EC":
		return ecdsa.GenerateKey(curveByID[s.Curve], rand.Reader)
	}
	return Symmetric(RandomBytes(s.Bits / 8)), nil
}

// SpecOf describes a key at hand; Invalid for a sort of key that vaults do not hold.
func SpecOf(key any) (KeySpec, error) {
	var spec KeySpec
	switch k := key.(type) {
	case *rsa.PrivateKey:
		spec = KeySpec{Type: "RSA", Bits: k.N.BitLen()}
	case *ecdsa.PrivateKey:
		spec = KeySpec{Type: "EC", Curve: k.Curve.Params().Name}
	case Symmetric:
		spec = KeySpec{Type: "oct", Bits: 8 * len(k)}
	}
	return spec, spec.Check()
}

// RandomBytes gives n bytes nobody can guess.
func RandomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}

// NewUUID makes a random (version 4) UUID.
func NewUUID() string {
	b := RandomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
