package material

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/rand/v2"

	"software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
)

const (
	blockCertificate = "CERTIFICATE"
	blockPrivateKey  = "PRIVATE KEY"
)

// bundle is a certificate with its key and its chain.
type bundle struct {
	others []*pem.Block // the key, and whatever else is no certificate
	certs  []*pem.Block
	// asStored says that the text already has the key first and the certificates in the order of certs.
	asStored bool
}

// readPEM takes the blocks of a text apart. Text between blocks is not carried along when they are written anew.
func readPEM(text []byte) (*bundle, error) {
	b := &bundle{asStored: true}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == blockCertificate {
			b.certs = append(b.certs, block)
			continue
		}
		b.others = append(b.others, block)
		b.asStored = b.asStored && len(b.certs) == 0
	}
	if len(b.certs) == 0 && len(b.others) == 0 {
		return nil, fault.New(fault.Invalid, "", "the certificate's secret holds no PEM block")
	}
	return b, nil
}

// readPFX takes a PKCS#12 apart, as the vault stores it: base64 text, no password.
func readPFX(text []byte) (*bundle, error) {
	der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "the certificate's secret is not the base64 text of a PKCS#12")
	}
	return bundleOf(der)
}

// bundleOf takes the bytes of a PKCS#12 apart.
func bundleOf(der []byte) (*bundle, error) {
	keys, certs, err := readPKCS12(der, "")
	if errors.Is(err, ErrPassword) {
		return nil, fault.New(fault.Invalid, "", "the PKCS#12 is protected by a password, or damaged").
			Mend("import it into the vault as a certificate, which removes the password")
	}
	if err != nil {
		return nil, err
	}
	b := &bundle{}
	for _, key := range keys {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fault.New(fault.Invalid, "", "the PKCS#12 holds a private key of an unknown kind")
		}
		b.others = append(b.others, &pem.Block{Type: blockPrivateKey, Bytes: pkcs8})
	}
	for _, cert := range certs {
		b.certs = append(b.certs, &pem.Block{Type: blockCertificate, Bytes: cert.Raw})
	}
	return b, nil
}

// pem is the key first, then the certificates: the order that servers read as one file.
func (b *bundle) pem() []byte { return append(encode(b.others), encode(b.certs)...) }

// pfx is the bundle as base64 PKCS#12 without a password, as a vault would store it. Salts come from the content, so
// that the same certificate is the same file: with an empty password they protect nothing. The algorithms are those
// that OpenSSL 1.1, Java 12 and Windows Server 2019 read, and newer.
func (b *bundle) pfx() ([]byte, error) {
	key := b.key()
	certs, _ := b.parse()
	if key == nil || len(certs) == 0 || len(certs) != len(b.certs) {
		return nil, fault.New(fault.Invalid, "objectFormat", "a PKCS#12 needs a private key and certificates, and the certificate's secret lacks one").
			Mend("objectFormat: pem")
	}
	random := rand.NewChaCha8(sha256.Sum256(b.pem()))
	der, err := pkcs12.Modern2023.WithRand(random).Encode(key, certs[0], certs[1:], "")
	if err != nil {
		return nil, fault.New(fault.Invalid, "objectFormat", "the private key is of a kind that cannot be written as PKCS#12").
			Mend("objectFormat: pem")
	}
	return base64.StdEncoding.AppendEncode(nil, der), nil
}

// mostKeys bounds how many blocks are looked at for a private key.
const mostKeys = 10

// key is the first private key that can be read, nil when there is none.
func (b *bundle) key() crypto.Signer {
	for _, block := range b.others[:min(len(b.others), mostKeys)] {
		if key := signerOf(block.Bytes); key != nil {
			return key
		}
	}
	return nil
}

// signerOf reads a private key in any of its three forms, nil when it is none.
func signerOf(der []byte) crypto.Signer {
	key, _ := PrivateKey(der)
	signer, _ := key.(crypto.Signer)
	return signer
}

// PrivateKey reads a private key in any of its three forms (PKCS#8, PKCS#1, SEC 1), not ok when it is none or larger than
// any in use.
func PrivateKey(der []byte) (key any, ok bool) {
	if len(der) > maxKey {
		return nil, false
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, true
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, true
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, true
	}
	return nil, false
}

// parse gives the certificates that can be read; all is false when one could not be.
func (b *bundle) parse() (certs []*x509.Certificate, all bool) {
	for _, block := range b.certs {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = append(certs, cert)
		}
	}
	return certs, len(certs) == len(b.certs)
}

// sort puts the certificates in order, leaf first, and says what is odd about them.
func (b *bundle) sort() (notes []string) {
	certs, all := b.parse()
	if !all {
		return []string{"a certificate of the chain cannot be read, so the chain keeps the order it is stored in"}
	}
	order, note := chainOrder(certs, b.publicKey())
	if note != "" {
		notes = append(notes, note)
	}
	sorted := make([]*pem.Block, len(order))
	for to, from := range order {
		sorted[to] = b.certs[from]
		b.asStored = b.asStored && to == from
	}
	b.certs = sorted
	return notes
}

func (b *bundle) publicKey() crypto.PublicKey {
	if key := b.key(); key != nil {
		return key.Public()
	}
	return nil
}
