// Package material turns what a vault holds into what a file holds: encodings, PKCS#12 to PEM and back, the order of
// a certificate chain, the split into certificate and key, a key's public half. It is pure: bytes in, bytes out, no
// clock, no randomness (the same object always gives the same file, so an unchanged secret never rewrites a volume).
//
// What cannot be turned is an *fault.Error of kind Invalid that names the format or the encoding and never a byte of
// the value. What can be turned but looks odd (a chain with a gap) is turned, and said in a note.
package material

import "strongroom/internal/secret"

// Format is how an object is written: for a secret, that of a certificate with its key. The zero value is PEM.
type Format string

// The formats a class's objectFormat can ask for. The last three are what the Key Vault FlexVolume wrote.
const (
	PEM     Format = "pem"
	PFX     Format = "pfx"     // PKCS#12, as base64 text unless the encoding asks for the bytes; secrets only
	Raw     Format = "raw"     // the value as it is stored, whatever stands behind it; secrets only
	DER     Format = "der"     // the certificate's bytes; certificates only
	Modulus Format = "modulus" // an RSA key's modulus as base64url text without padding; keys only
)

// Encoding says what the stored text stands for. The zero value is UTF8: the text itself.
type Encoding string

// The encodings a class's objectEncoding can ask for.
const (
	UTF8   Encoding = "utf-8"
	Hex    Encoding = "hex"
	Base64 Encoding = "base64" // standard alphabet, padded; line breaks are skipped
)

// SecretInput is one secret as the vault gave it, and what the class wants of it.
type SecretInput struct {
	Value       secret.Value
	ContentType string // may be empty and may carry parameters; only looked at when Backed
	Backed      bool   // the secret belongs to a certificate (the vault named its key, kid)
	Format      Format
	Encoding    Encoding
	// Chain orders the certificates leaf to root. Off, they stay in the order the vault has them.
	Chain bool
	// Split adds a file for the certificates and one for the key. Only for Backed.
	Split bool
}

// Shaped is what one secret becomes.
type Shaped struct {
	Parts []Part
	// Notes are findings a person may want to know: a chain with a gap. Never a value.
	Notes []string
}

// Part is the content of one file. Suffix follows the object's path: empty for the whole, ".crt" and ".key" for the
// halves of a split.
type Part struct {
	Suffix   string
	Contents secret.Value
}

// JWK is the public half of a vault's key, its numbers big-endian as the wire's base64url decodes to.
type JWK struct {
	Type  string // kty: RSA, RSA-HSM, EC, EC-HSM
	Curve string // crv: P-256, P-384, P-521; for EC only
	N, E  []byte // modulus and exponent; for RSA only
	X, Y  []byte // the point; for EC only
}

// Secret shapes one secret. Without a certificate behind it, it is the value, decoded. With one, it is brought into
// the format, decoded, and split. Errors are of kind Invalid.
func Secret(in SecretInput) (Shaped, error) {
	if in.Backed {
		return backed(in)
	}
	whole, err := decodeText(in.Value.Reveal(), in.Encoding)
	if err != nil {
		return Shaped{}, err
	}
	return Shaped{Parts: []Part{{Contents: secret.NewValue(whole)}}}, nil
}
