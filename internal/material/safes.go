package material

import (
	"crypto/x509/pkix"
	"encoding/asn1"

	"strongroom/internal/fault"
)

// The outer shape of a PKCS#12 (RFC 7292): a list of safes, each plain or encrypted, each a list of bags.
type (
	pfxFile struct {
		Version  int
		AuthSafe contentInfo
		MAC      macData `asn1:"optional"`
	}
	contentInfo struct {
		ContentType asn1.ObjectIdentifier
		Content     asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	macData struct {
		Digest     digestInfo
		Salt       []byte
		Iterations int `asn1:"optional,default:1"`
	}
	digestInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue   `asn1:"tag:0,explicit"`
		Attributes []asn1.RawValue `asn1:"set,optional"`
	}
)

var (
	oidData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidKeyBag         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedKeyBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidPBES2          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBMAC1         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidSHA1           = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
)

// safes is a file opened as far as it goes without decryption.
type safes struct {
	encrypted []contentInfo
	bags      []safeBag // of the plain safes
}

func openSafes(der []byte) (safes, error) {
	var file pfxFile
	var authenticated []byte
	var list []contentInfo
	if !exactly(der, &file) || !exactly(file.AuthSafe.Content.Bytes, &authenticated) || !exactly(authenticated, &list) {
		return safes{}, unreadable(nil)
	}
	var s safes
	work := file.MAC.work()
	for _, info := range list {
		switch {
		case info.ContentType.Equal(oidEncryptedData):
			s.encrypted = append(s.encrypted, info)
			work += encryptedWork(info)
		case info.ContentType.Equal(oidData):
			bags, ok := openBags(info)
			if !ok {
				return safes{}, unreadable(nil)
			}
			s.bags = append(s.bags, bags...)
		}
	}
	for _, bag := range s.bags {
		work += bag.work()
	}
	switch parts := len(s.encrypted) + len(s.bags); {
	case work > maxIterations:
		return safes{}, fault.New(fault.Invalid, "", "the PKCS#12 states more key derivation than a certificate is worth: over %d iterations", maxIterations)
	case parts > maxParts:
		return safes{}, fault.New(fault.Invalid, "", "the PKCS#12 has %d parts, where a certificate with its chain has a few", parts)
	}
	return s, nil
}

func openBags(info contentInfo) ([]safeBag, bool) {
	var data []byte
	var bags []safeBag
	ok := exactly(info.Content.Bytes, &data) && exactly(data, &bags)
	return bags, ok
}

// exactly parses and insists that nothing is left.
func exactly(der []byte, into any) bool {
	rest, err := asn1.Unmarshal(der, into)
	return err == nil && len(rest) == 0
}
