package material

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// passwordForm is how an empty password is spelt in the old key derivation.
type passwordForm uint8

const (
	zeroTerminated passwordForm = iota // a zero-terminated empty string: two zero bytes
	noBytes
)

// seal makes a PKCS#12 of the safes, for the library to read. It takes a file without a MAC for zeroTerminated, and
// finds out about noBytes by a MAC that only fits that one.
func seal(form passwordForm, list ...contentInfo) ([]byte, error) {
	authenticated, err := asn1.Marshal(list)
	if err != nil {
		return nil, err
	}
	info, err := dataInfo(authenticated)
	if err != nil || form == zeroTerminated {
		return marshalWithoutMAC(info, err)
	}
	// One round of the derivation of RFC 7292 B.2 for MACs, SHA-1 and no password: the block of threes, then the
	// salt repeated to a block.
	salt := make([]byte, 8)
	key := sha1.Sum(append(slices.Repeat([]byte{3}, 64), slices.Repeat(salt, 8)...))
	mac := hmac.New(sha1.New, key[:])
	mac.Write(authenticated)
	digest := digestInfo{pkix.AlgorithmIdentifier{Algorithm: oidSHA1}, mac.Sum(nil)}
	return asn1.Marshal(pfxFile{3, info, macData{digest, salt, 1}})
}

func marshalWithoutMAC(info contentInfo, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Version  int
		AuthSafe contentInfo
	}{3, info})
}

// dataInfo wraps bytes as plain data.
func dataInfo(data []byte) (contentInfo, error) {
	octets, err := asn1.Marshal(data)
	return contentInfo{oidData, explicit(octets)}, err
}

// sealBag is a plain safe of one bag without attributes.
func sealBag(id asn1.ObjectIdentifier, value []byte) (contentInfo, error) {
	bags, err := asn1.Marshal([]safeBag{{ID: id, Value: explicit(value)}})
	if err != nil {
		return contentInfo{}, err
	}
	return dataInfo(bags)
}

func certificateBagValue(cert *x509.Certificate) ([]byte, error) {
	return asn1.Marshal(struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}{oidX509, cert.Raw})
}

func explicit(inner []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner}
}
