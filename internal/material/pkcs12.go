package material

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/asn1"
	"errors"

	"software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
)

// ErrPassword is the cause of a failure to read a PKCS#12 whose password is another than the one given.
var ErrPassword = errors.New("the password is wrong, or the file damaged")

// PKCS12 gives the private keys and the certificates of a PKCS#12, in the order they are in. It does a bounded amount of
// work, whatever the file states and whoever made it. Errors are of kind Invalid and repeat nothing of the file;
// ErrPassword is within that of a wrong password.
func PKCS12(der []byte, password string) (keys []any, certs []*x509.Certificate, err error) {
	return readPKCS12(der, password)
}

// readPKCS12 opens a file that anybody may have made.
//
// The library decrypts, with the algorithms of old and new files; but it wants exactly one key, at most two safes,
// and follows whatever iteration counts a file states, an hour's worth too. So the file is opened here, the counts
// are bounded, and the library is shown one safe at a time. A key inside an encrypted safe (a key encrypted twice,
// which no known program writes) is refused: its iterations could not be bounded.
func readPKCS12(der []byte, password string) (keys []any, certs []*x509.Certificate, err error) {
	file, err := openSafes(der)
	if err != nil {
		return nil, nil, err
	}
	if _, err := pkcs12.DecodeTrustStore(der, password); errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, nil, fault.Wrap(ErrPassword, fault.Invalid, "", "the PKCS#12 cannot be opened")
	} // every other error of this call is about the contents, which come next
	for _, safe := range file.encrypted {
		more, err := decryptCertificates(safe, password)
		if err != nil {
			return nil, nil, err
		}
		certs = append(certs, more...)
	}
	for _, bag := range file.bags {
		if bag.ID.Equal(oidCertBag) {
			cert, err := readCertificateBag(bag)
			if err != nil {
				return nil, nil, err
			}
			certs = append(certs, cert)
		}
	}
	if len(certs) == 0 {
		return nil, nil, fault.New(fault.Invalid, "", "the PKCS#12 holds no certificate")
	}
	for _, bag := range file.bags {
		if bag.ID.Equal(oidKeyBag) || bag.ID.Equal(oidShroudedKeyBag) {
			key, err := readKeyBag(bag, certs[0], password)
			if err != nil {
				return nil, nil, err
			}
			keys = append(keys, key)
		}
	}
	return keys, certs, nil
}

// decryptCertificates opens an encrypted safe. A key of our own goes first: the library wants one, and stops at a
// second before it would decrypt it.
func decryptCertificates(safe contentInfo, password string) ([]*x509.Certificate, error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		return nil, unreadable(err)
	}
	companion, err := sealBag(oidKeyBag, pkcs8)
	if err != nil {
		return nil, unreadable(err)
	}
	_, first, rest, err := decodeWith(password, companion, safe)
	if err != nil {
		return nil, err
	}
	return append([]*x509.Certificate{first}, rest...), nil
}

// readKeyBag reads a key, decrypting it if need be. The library wants a certificate beside it.
func readKeyBag(bag safeBag, beside *x509.Certificate, password string) (any, error) {
	if len(bag.Value.Bytes) > maxKey {
		return nil, fault.New(fault.Invalid, "", "the PKCS#12 holds a private key of %d bytes, more than any in use", len(bag.Value.Bytes))
	}
	if bag.ID.Equal(oidKeyBag) {
		key, err := x509.ParsePKCS8PrivateKey(bag.Value.Bytes)
		if err != nil {
			return nil, unreadable(nil)
		}
		return key, nil
	}
	value, err := certificateBagValue(beside)
	if err != nil {
		return nil, unreadable(err)
	}
	companion, err := sealBag(oidCertBag, value)
	if err != nil {
		return nil, unreadable(err)
	}
	safe, err := sealBag(bag.ID, bag.Value.Bytes)
	if err != nil {
		return nil, unreadable(err)
	}
	key, _, _, err := decodeWith(password, companion, safe)
	return key, err
}

// decodeWith reads two safes under each of the forms the password may take.
func decodeWith(password string, safes ...contentInfo) (key any, first *x509.Certificate, rest []*x509.Certificate, err error) {
	var firstErr error
	for _, form := range formsOf(password) {
		der, err := seal(form, safes...)
		if err != nil {
			return nil, nil, nil, unreadable(err)
		}
		key, cert, chain, err := pkcs12.DecodeChain(der, password)
		if err == nil {
			return key, cert, chain, nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return nil, nil, nil, unreadable(firstErr)
}

// unreadable keeps of a cause only what says which algorithm is missing; other causes may describe contents.
func unreadable(cause error) error {
	e := fault.New(fault.Invalid, "", "the certificate's secret is not a PKCS#12 that can be read")
	var missing pkcs12.NotImplementedError
	if errors.As(cause, &missing) {
		e.Cause = missing
	}
	return e
}

// readCertificateBag reads a certificate that is not encrypted.
func readCertificateBag(bag safeBag) (*x509.Certificate, error) {
	var value struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}
	if _, err := asn1.Unmarshal(bag.Value.Bytes, &value); err != nil {
		return nil, unreadable(nil)
	}
	cert, err := x509.ParseCertificate(value.Data)
	if err != nil {
		return nil, unreadable(nil)
	}
	return cert, nil
}
