package material

import (
	"crypto/x509/pkix"
	"encoding/asn1"
)

// maxIterations bounds the key derivations of one file together: about a second of work. Files in the wild state
// between one and a few hundred thousand.
const maxIterations = 2_000_000

// maxParts bounds the safes and bags of one file: each costs work of its own.
const maxParts = 100

// maxKey bounds a private key in bytes, above one of RSA with 16,384 bits. To look at a larger one would take minutes, and
// no caller can give up meanwhile.
const maxKey = 16 << 10

func (m macData) work() int64 {
	if m.Digest.Algorithm.Algorithm.Equal(oidPBMAC1) {
		return algorithmWork(m.Digest.Algorithm)
	}
	return atLeastOne(m.Iterations)
}

func encryptedWork(info contentInfo) int64 {
	var data struct {
		Version int
		Content struct {
			ContentType asn1.ObjectIdentifier
			Algorithm   pkix.AlgorithmIdentifier
			Encrypted   []byte `asn1:"tag:0,optional"`
		}
	}
	if !exactly(info.Content.Bytes, &data) {
		return maxIterations + 1
	}
	return algorithmWork(data.Content.Algorithm)
}

// work is that of the one kind of bag that is encrypted by itself.
func (b safeBag) work() int64 {
	if !b.ID.Equal(oidShroudedKeyBag) {
		return 0
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if !exactly(b.Value.Bytes, &info) {
		return maxIterations + 1
	}
	return algorithmWork(info.Algorithm)
}

// algorithmWork is the iteration count an algorithm's parameters state, beyond every bound when it cannot be seen.
func algorithmWork(algorithm pkix.AlgorithmIdentifier) int64 {
	parameters := algorithm.Parameters.FullBytes
	if algorithm.Algorithm.Equal(oidPBES2) || algorithm.Algorithm.Equal(oidPBMAC1) {
		var schemes struct{ Derivation, Other pkix.AlgorithmIdentifier }
		if !exactly(parameters, &schemes) {
			return maxIterations + 1
		}
		parameters = schemes.Derivation.Parameters.FullBytes
	}
	var derivation struct {
		Salt       asn1.RawValue
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		Function   pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	if !exactly(parameters, &derivation) {
		return maxIterations + 1
	}
	return atLeastOne(derivation.Iterations)
}

// atLeastOne keeps a sum of counts from being cheated by negative or overflowing ones.
func atLeastOne(iterations int) int64 {
	return int64(min(max(iterations, 1), maxIterations+1))
}
