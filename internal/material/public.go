package material

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"

	"strongroom/internal/fault"
)

// Key is a key's public half in a format: Modulus as RSAModulus has it, anything else as PublicKey does.
func Key(key JWK, format Format) ([]byte, error) {
	if format == Modulus {
		return RSAModulus(key)
	}
	return PublicKey(key)
}

// PublicKey is the key as a PEM block PUBLIC KEY (PKIX). Errors are of kind Unsupported for kinds of key and curves
// that have no such form here, and Invalid for numbers that are no key.
func PublicKey(key JWK) ([]byte, error) {
	var public any
	var err error
	switch strings.ToUpper(key.Type) {
	case "RSA", "RSA-HSM":
		public, err = rsaKey(key.N, key.E)
	case "EC", "EC-HSM":
		public, err = ecKey(key.Curve, key.X, key.Y)
	default:
		err = fault.New(fault.Unsupported, "", "failed to get key. key type '%s' currently not supported", fault.Shorten(key.Type))
	}
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "the vault's key cannot be written as a public key")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// RSAModulus is an RSA key's modulus as base64url text, without padding and without a line break. Errors are of kind
// Unsupported for a key without a modulus, and Invalid for numbers that are no key.
func RSAModulus(key JWK) ([]byte, error) {
	switch strings.ToUpper(key.Type) {
	case "RSA", "RSA-HSM":
	default:
		return nil, fault.New(fault.Unsupported, "", "a key of type '%s' has no modulus", fault.Shorten(key.Type)).
			Mend("have it written as PEM, or use an RSA key")
	}
	if _, err := rsaKey(key.N, key.E); err != nil {
		return nil, err
	}
	return base64.RawURLEncoding.AppendEncode(nil, key.N), nil
}

// maxModulus is four times the largest a vault makes, in bytes.
const maxModulus = 2048

func rsaKey(n, e []byte) (*rsa.PublicKey, error) {
	e = bytes.TrimLeft(e, "\x00")
	if len(n) == 0 || len(n) > maxModulus || len(e) == 0 || len(e) > 4 {
		return nil, fault.New(fault.Invalid, "", "the vault's RSA key has no proper modulus and exponent")
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e).Int64()
	if modulus.Sign() == 0 || exponent < 2 || exponent > 1<<31-1 {
		return nil, fault.New(fault.Invalid, "", "the vault's RSA key has no proper modulus and exponent")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent)}, nil
}

func ecKey(name string, x, y []byte) (*ecdsa.PublicKey, error) {
	curve := curveOf(name)
	if curve == nil {
		return nil, fault.New(fault.Unsupported, "", "curve %s is not supported", fault.Shorten(name))
	}
	size := (curve.Params().BitSize + 7) / 8
	x, y = bytes.TrimLeft(x, "\x00"), bytes.TrimLeft(y, "\x00")
	if len(x) > size || len(y) > size {
		return nil, fault.New(fault.Invalid, "", "the vault's key is no point on curve %s", name)
	}
	point := make([]byte, 1+2*size) // 4, then both coordinates at full length
	point[0] = 4
	copy(point[1+size-len(x):], x)
	copy(point[1+2*size-len(y):], y)
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "the vault's key is no point on curve %s", name)
	}
	return key, nil
}

func curveOf(name string) elliptic.Curve {
	switch name {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

// Certificate is one DER certificate in a format: DER as it is, anything else as a PEM block CERTIFICATE. The error is of
// kind Invalid.
func Certificate(der []byte, format Format) ([]byte, error) {
	if _, err := x509.ParseCertificate(der); err != nil {
		return nil, fault.New(fault.Invalid, "", "the vault's certificate is not an X.509 certificate")
	}
	if format == DER {
		return bytes.Clone(der), nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: der}), nil
}
