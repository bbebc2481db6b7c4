// Package pki is the emulator's own certificate authority: one root, and a server certificate for each name the
// emulator answers to, minted when a client first asks for it. It never signs a name that it was not told to allow,
// so that trusting the root on a laptop does not hand anybody a certificate for the rest of the world. Where a name
// is not allowed the handshake ends with "unrecognized name", which is the nearest thing to a name that does not
// resolve.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"time"

	"strongroom/internal/fault"
)

// keepNames bounds the minted certificates held. A client can name any vault in its handshake; beyond the bound the
// whole set is dropped and minted anew, which costs a little time and no correctness.
const keepNames = 512

// lifetimes of what is signed. The root outlives any demo; a leaf is short enough for every TLS library's limit.
const (
	rootLife = 10 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
	backDate = time.Hour // for clients whose clock is behind
)

// Authority signs server certificates. Make one with New or Load.
type Authority struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time

	mu     sync.Mutex
	leaves map[string]*tls.Certificate // by lower-case name
}

// New makes an authority with a fresh key.
func New(now func() time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "certificate authority", "making its key")
	}
	subject := pkix.Name{CommonName: "Strongroom emulator root", Organization: []string{"Strongroom emulator: not for production"}}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: subject,
		NotBefore: now().Add(-backDate), NotAfter: now().Add(rootLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true,
		BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	root, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &Authority{root: root, key: key, now: now, leaves: map[string]*tls.Certificate{}}, nil
}

// PEM is the root certificate, for clients to trust.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}

// Pool holds the root and nothing else.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// ServerConfig is a TLS configuration that serves every name allow says yes to, with HTTP/2 offered. allow sees the
// name in lower case and is asked on every handshake, so a vault that was removed stops being reachable.
func (a *Authority) ServerConfig(allow func(name string) bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := strings.ToLower(hello.ServerName)
			if !allow(name) {
				return nil, nil // crypto/tls turns this into the unrecognized_name alert
			}
			return a.leaf(name)
		},
	}
}

func (a *Authority) leaf(name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if leaf := a.leaves[name]; leaf != nil && a.now().Before(leaf.Leaf.NotAfter) {
		return leaf, nil
	}
	if len(a.leaves) >= keepNames {
		clear(a.leaves)
	}
	leaf, err := a.mint(name)
	if err == nil {
		a.leaves[name] = leaf
	}
	return leaf, err
}

func (a *Authority) mint(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, name, "making a server key")
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: commonName(name)}, DNSNames: []string{name},
		NotBefore: a.now().Add(-backDate), NotAfter: a.now().Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf, err := sign(template, a.root, key, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, a.root.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// commonName fits the 64 characters that X.520 allows; the name that counts is the subject alternative one.
func commonName(name string) string {
	if len(name) > 64 {
		return ""
	}
	return name
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, template.Subject.CommonName, "signing its certificate")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, template.Subject.CommonName, "reading back its certificate")
	}
	return cert, nil
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil { // crypto/rand cannot fail on any supported system
		panic(err)
	}
	return n.Add(n, big.NewInt(1))
}
