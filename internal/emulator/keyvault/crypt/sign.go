package crypt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
)

var curveOf = map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}

// Sign signs a digest with RS, PS or ES 256, 384 or 512. An ECDSA signature is r and s side by side, as in JWS.
// Unsupported when key and algorithm do not go together, Invalid for a digest of the wrong length.
func Sign(key any, alg string, digest []byte) ([]byte, error) {
	h, err := hashOf(alg)
	if err != nil {
		return nil, err
	}
	if err := checkDigest(alg, h, digest); err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return signRSA(k, alg, h, digest)
	case *ecdsa.PrivateKey:
		return signEC(k, alg, digest)
	}
	return nil, unknown(alg)
}

func signRSA(k *rsa.PrivateKey, alg string, h crypto.Hash, digest []byte) ([]byte, error) {
	switch {
	case strings.HasPrefix(alg, "RS"):
		return rsa.SignPKCS1v15(rand.Reader, k, h, digest)
	case strings.HasPrefix(alg, "PS"):
		return rsa.SignPSS(rand.Reader, k, h, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return nil, unknown(alg)
}

func signEC(k *ecdsa.PrivateKey, alg string, digest []byte) ([]byte, error) {
	if curveOf[alg] != k.Params().Name {
		return nil, unknown(alg)
	}
	r, s, err := ecdsa.Sign(rand.Reader, k, digest)
	if err != nil {
		return nil, err
	}
	size := (k.Params().BitSize + 7) / 8
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out, nil
}

// Verify reports whether signature is one of digest. Errors are those of Sign; a wrong signature is none.
func Verify(key any, alg string, digest, signature []byte) (bool, error) {
	h, err := hashOf(alg)
	if err != nil {
		return false, err
	}
	if err := checkDigest(alg, h, digest); err != nil {
		return false, err
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return verifyRSA(&k.PublicKey, alg, h, digest, signature)
	case *ecdsa.PrivateKey:
		return verifyEC(&k.PublicKey, alg, digest, signature)
	}
	return false, unknown(alg)
}

func verifyRSA(k *rsa.PublicKey, alg string, h crypto.Hash, digest, signature []byte) (bool, error) {
	switch {
	case strings.HasPrefix(alg, "RS"):
		return rsa.VerifyPKCS1v15(k, h, digest, signature) == nil, nil
	case strings.HasPrefix(alg, "PS"):
		return rsa.VerifyPSS(k, h, digest, signature, nil) == nil, nil
	}
	return false, unknown(alg)
}

func verifyEC(k *ecdsa.PublicKey, alg string, digest, signature []byte) (bool, error) {
	if curveOf[alg] != k.Params().Name {
		return false, unknown(alg)
	}
	size := (k.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false, nil
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(k, digest, r, s), nil
}
