package crypt

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/fault"
)

// Sealed is a ciphertext with what an authenticated cipher needs beside it. IV, Tag and AAD are empty for the others.
type Sealed struct {
	Text []byte
	IV   []byte
	Tag  []byte
	AAD  []byte
}

// Encrypt encrypts or wraps plain. RSA takes RSA1_5, RSA-OAEP and RSA-OAEP-256; symmetric keys take AES-GCM
// ("A256GCM") and AES key wrap ("A256KW"). Unsupported when key and algorithm do not go together.
func Encrypt(key any, alg string, plain, aad []byte) (Sealed, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		text, err := encryptRSA(&k.PublicKey, alg, plain)
		return Sealed{Text: text}, err
	case mint.Symmetric:
		return encryptAES(k, alg, plain, aad)
	}
	return Sealed{}, unknown(alg)
}

// Decrypt is the inverse of Encrypt; Invalid when the ciphertext is not one of this key.
func Decrypt(key any, alg string, sealed Sealed) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return decryptRSA(k, alg, sealed.Text)
	case mint.Symmetric:
		return decryptAES(k, alg, sealed)
	}
	return nil, unknown(alg)
}

func encryptRSA(k *rsa.PublicKey, alg string, plain []byte) ([]byte, error) {
	var text []byte
	var err error
	switch alg {
	case "RSA1_5":
		//lint:ignore SA1019 Key Vault still offers it, so clients may still ask for it
		text, err = rsa.EncryptPKCS1v15(rand.Reader, k, plain)
	case "RSA-OAEP":
		text, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, k, plain, nil)
	case "RSA-OAEP-256":
		text, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, k, plain, nil)
	default:
		return nil, unknown(alg)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "value", "is too long for this key")
	}
	return text, nil
}

func decryptRSA(k *rsa.PrivateKey, alg string, text []byte) ([]byte, error) {
	var plain []byte
	var err error
	switch alg {
	case "RSA1_5":
		//lint:ignore SA1019 Key Vault still offers it, so clients may still ask for it
		plain, err = rsa.DecryptPKCS1v15(rand.Reader, k, text)
	case "RSA-OAEP":
		plain, err = rsa.DecryptOAEP(sha1.New(), nil, k, text, nil)
	case "RSA-OAEP-256":
		plain, err = rsa.DecryptOAEP(sha256.New(), nil, k, text, nil)
	default:
		return nil, unknown(alg)
	}
	if err != nil {
		return nil, foreign()
	}
	return plain, nil
}

func foreign() error { return fault.New(fault.Invalid, "value", "was not encrypted with this key") }
