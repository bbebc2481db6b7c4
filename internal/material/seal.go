package material

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"unicode/utf16"
)

// passwordForm is a password as the old key derivation takes it: two bytes a character, and two zero bytes at its end.
type passwordForm []byte

// formsOf are the forms a password may take: of the empty one two, its two zero bytes or none at all. Windows has written
// both.
func formsOf(password string) []passwordForm {
	if password == "" {
		return []passwordForm{{0, 0}, nil}
	}
	var form passwordForm
	for _, unit := range utf16.Encode([]rune(password)) {
		form = append(form, byte(unit>>8), byte(unit))
	}
	return []passwordForm{append(form, 0, 0)}
}

// seal makes a PKCS#12 of the safes, for the library to read. It takes a file without a MAC for one with the empty
// password's zero bytes, and wants for every other form a MAC that fits.
func seal(form passwordForm, list ...contentInfo) ([]byte, error) {
	authenticated, err := asn1.Marshal(list)
	if err != nil {
		return nil, err
	}
	info, err := dataInfo(authenticated)
	if err != nil || bytes.Equal(form, []byte{0, 0}) {
		return marshalWithoutMAC(info, err)
	}
	salt := make([]byte, 8)
	key := macKey(form, salt)
	mac := hmac.New(sha1.New, key[:])
	mac.Write(authenticated)
	digest := digestInfo{pkix.AlgorithmIdentifier{Algorithm: oidSHA1}, mac.Sum(nil)}
	return asn1.Marshal(pfxFile{3, info, macData{digest, salt, 1}})
}

// macKey is one round of the derivation of RFC 7292 B.2 for MACs with SHA-1: a block of threes, then the salt and the
// password, each repeated to whole blocks.
func macKey(form passwordForm, salt []byte) [sha1.Size]byte {
	const block = 64
	text := bytes.Repeat([]byte{3}, block)
	for _, part := range [][]byte{salt, form} {
		if size := (len(part) + block - 1) / block * block; size > 0 {
			text = append(text, bytes.Repeat(part, size/len(part)+1)[:size]...)
		}
	}
	return sha1.Sum(text)
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
