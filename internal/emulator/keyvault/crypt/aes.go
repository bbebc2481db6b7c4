package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/fault"
)

func encryptAES(k mint.Symmetric, alg string, plain, aad []byte) (Sealed, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return Sealed{}, unknown(alg)
	}
	switch alg {
	case fmt.Sprintf("A%dGCM", 8*len(k)):
		return sealGCM(block, plain, aad)
	case fmt.Sprintf("A%dKW", 8*len(k)):
		text, err := wrap(block, plain)
		return Sealed{Text: text}, err
	}
	return Sealed{}, unknown(alg)
}

func decryptAES(k mint.Symmetric, alg string, s Sealed) ([]byte, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, unknown(alg)
	}
	switch alg {
	case fmt.Sprintf("A%dGCM", 8*len(k)):
		return openGCM(block, s)
	case fmt.Sprintf("A%dKW", 8*len(k)):
		return unwrap(block, s.Text)
	}
	return nil, unknown(alg)
}

func sealGCM(block cipher.Block, plain, aad []byte) (Sealed, error) {
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return Sealed{}, err
	}
	iv := mint.RandomBytes(gcm.NonceSize())
	both := gcm.Seal(nil, iv, plain, aad)
	cut := len(both) - gcm.Overhead()
	return Sealed{Text: both[:cut], Tag: both[cut:], IV: iv, AAD: aad}, nil
}

func openGCM(block cipher.Block, s Sealed) ([]byte, error) {
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(s.IV) != gcm.NonceSize() || len(s.Tag) != gcm.Overhead() {
		return nil, fault.New(fault.Invalid, "iv or tag", "has the wrong length")
	}
	plain, err := gcm.Open(nil, s.IV, slices.Concat(s.Text, s.Tag), s.AAD)
	if err != nil {
		return nil, foreign()
	}
	return plain, nil
}

// wrapIV is the initial value that RFC 3394 gives, by which unwrapping knows its own.
const wrapIV = 0xA6A6A6A6A6A6A6A6

// wrap is AES key wrap after RFC 3394: six rounds over 64-bit halves.
func wrap(block cipher.Block, plain []byte) ([]byte, error) {
	if len(plain) < 16 || len(plain)%8 != 0 {
		return nil, fault.New(fault.Invalid, "value", "must be 16 bytes or more and a multiple of 8 to be wrapped")
	}
	n := len(plain) / 8
	out := make([]byte, 8+len(plain))
	binary.BigEndian.PutUint64(out, wrapIV)
	copy(out[8:], plain)
	var pair [aes.BlockSize]byte
	for step := range 6 * n {
		at := 8 * (1 + step%n)
		copy(pair[:8], out[:8])
		copy(pair[8:], out[at:at+8])
		block.Encrypt(pair[:], pair[:])
		binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(pair[:8])^uint64(step+1))
		copy(out[at:at+8], pair[8:])
	}
	return out, nil
}

func unwrap(block cipher.Block, text []byte) ([]byte, error) {
	if len(text) < 24 || len(text)%8 != 0 {
		return nil, foreign()
	}
	n := len(text)/8 - 1
	out := slices.Clone(text)
	var pair [aes.BlockSize]byte
	for step := 6*n - 1; step >= 0; step-- {
		at := 8 * (1 + step%n)
		binary.BigEndian.PutUint64(pair[:8], binary.BigEndian.Uint64(out[:8])^uint64(step+1))
		copy(pair[8:], out[at:at+8])
		block.Decrypt(pair[:], pair[:])
		copy(out[:8], pair[:8])
		copy(out[at:at+8], pair[8:])
	}
	var want [8]byte
	binary.BigEndian.PutUint64(want[:], wrapIV)
	if subtle.ConstantTimeCompare(out[:8], want[:]) != 1 {
		return nil, foreign()
	}
	return out[8:], nil
}
