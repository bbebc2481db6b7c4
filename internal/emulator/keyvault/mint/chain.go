package mint

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/fault"
)

// CertSpec says what a leaf certificate states. Zero fields are left out of it.
type CertSpec struct {
	Subject   pkix.Name
	DNSNames  []string
	Emails    []string
	IPs       []string
	URIs      []string
	NotBefore time.Time
	NotAfter  time.Time
	Usage     x509.KeyUsage
	ExtUsage  []string // dotted OIDs
	CA        bool
}

// SelfSigned makes a certificate that key signs for itself.
func SelfSigned(key crypto.Signer, spec CertSpec) (*x509.Certificate, error) {
	leaf, err := spec.template()
	if err != nil {
		return nil, err
	}
	return sign(leaf, leaf, key.Public(), key)
}

// Issued makes a certificate for key below a root of its own with the given number of intermediates between them:
// leaf first, each signed by the next, root last. The authorities' keys are forgotten.
func Issued(key crypto.Signer, spec CertSpec, intermediates int) ([]*x509.Certificate, error) {
	template, err := spec.template()
	if err != nil {
		return nil, err
	}
	authorities, signer, err := authorities(spec, intermediates)
	if err != nil {
		return nil, err
	}
	leaf, err := sign(template, authorities[0], key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return append([]*x509.Certificate{leaf}, authorities...), nil
}

// authorities is the chain above a leaf, nearest first, with the key of the nearest. EC keys keep it cheap.
func authorities(spec CertSpec, intermediates int) ([]*x509.Certificate, crypto.Signer, error) {
	var chain []*x509.Certificate
	var signer crypto.Signer
	for level := range intermediates + 1 {
		made, err := KeySpec{Type: "EC", Curve: "P-256"}.Generate()
		if err != nil {
			return nil, nil, err
		}
		key := made.(crypto.Signer)
		template := authority(spec, level)
		parent, by := template, key
		if level > 0 {
			parent, by = chain[0], signer
		}
		cert, err := sign(template, parent, key.Public(), by)
		if err != nil {
			return nil, nil, err
		}
		chain, signer = append([]*x509.Certificate{cert}, chain...), key
	}
	return chain, signer, nil
}

func authority(spec CertSpec, level int) *x509.Certificate {
	name := "Strongroom Emulator Root"
	if level > 0 {
		name = "Strongroom Emulator Intermediate " + strconv.Itoa(level)
	}
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		NotBefore: spec.NotBefore.Add(-time.Hour), NotAfter: spec.NotAfter.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// Request makes a PKCS#10 signing request in DER.
func Request(key crypto.Signer, spec CertSpec) ([]byte, error) {
	leaf, err := spec.template()
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: leaf.Subject, DNSNames: leaf.DNSNames, EmailAddresses: leaf.EmailAddresses,
		IPAddresses: leaf.IPAddresses, URIs: leaf.URIs,
	}, key)
}

// Check is nil when a certificate can be made of the specification.
func (s CertSpec) Check() error {
	_, err := s.template()
	return err
}

func (s CertSpec) template() (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: s.Subject, DNSNames: s.DNSNames, EmailAddresses: s.Emails,
		NotBefore: s.NotBefore, NotAfter: s.NotAfter, KeyUsage: s.Usage,
		IsCA: s.CA, BasicConstraintsValid: true,
	}
	for _, text := range s.IPs {
		ip := net.ParseIP(text)
		if ip == nil {
			return nil, fault.New(fault.Invalid, "IP address "+text, "cannot be read")
		}
		t.IPAddresses = append(t.IPAddresses, ip)
	}
	for _, text := range s.URIs {
		uri, err := url.Parse(text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "URI "+text, "cannot be read")
		}
		t.URIs = append(t.URIs, uri)
	}
	for _, text := range s.ExtUsage {
		oid, err := parseOID(text)
		if err != nil {
			return nil, err
		}
		t.UnknownExtKeyUsage = append(t.UnknownExtKeyUsage, oid)
	}
	return t, nil
}

func parseOID(text string) (asn1.ObjectIdentifier, error) {
	var oid asn1.ObjectIdentifier
	for _, arc := range strings.Split(text, ".") {
		n, err := strconv.ParseUint(arc, 10, 31)
		if err != nil {
			return nil, fault.New(fault.Invalid, "key usage "+text, "is not a dotted object identifier")
		}
		oid = append(oid, int(n))
	}
	if len(oid) < 2 || oid[0] > 2 || oid[0] < 2 && oid[1] > 39 {
		return nil, fault.New(fault.Invalid, "key usage "+text, "is not a dotted object identifier")
	}
	return oid, nil
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "certificate", "cannot be made")
	}
	return x509.ParseCertificate(der)
}

func serial() *big.Int {
	return new(big.Int).SetUint64(binary.BigEndian.Uint64(RandomBytes(8)) >> 1)
}

// Thumbprint is the SHA-1 of a certificate, which Key Vault calls x5t.
func Thumbprint(c *x509.Certificate) []byte {
	sum := sha1.Sum(c.Raw)
	return sum[:]
}
