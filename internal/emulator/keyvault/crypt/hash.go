// Package crypt does with a vault's keys what the data plane offers: sign, verify, encrypt, decrypt, wrap and unwrap,
// by the algorithm names of JSON web algorithms. Digests come ready made; nothing is hashed here but inside a padding.
package crypt

import (
	"crypto"
	_ "crypto/sha256" // registers the hashes that paddings name
	_ "crypto/sha512"
	"strings"

	"strongroom/internal/fault"
)

// Names for these algorithms end in the bits of their hash.
func hashOf(alg string) (crypto.Hash, error) {
	var h crypto.Hash
	switch {
	case strings.HasSuffix(alg, "256"):
		h = crypto.SHA256
	case strings.HasSuffix(alg, "384"):
		h = crypto.SHA384
	case strings.HasSuffix(alg, "512"):
		h = crypto.SHA512
	default:
		return 0, unknown(alg)
	}
	return h, nil
}

func checkDigest(alg string, h crypto.Hash, digest []byte) error {
	if len(digest) != h.Size() {
		return fault.New(fault.Invalid, "digest", "has %d bytes where %s needs %d", len(digest), alg, h.Size())
	}
	return nil
}

func unknown(alg string) error {
	return fault.New(fault.Unsupported, "algorithm "+alg, "does not work with this key")
}
