package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"time"
)

// authority issues the cluster's certificates into a directory.
type authority struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// lifetime is longer than any run; validity begins earlier for clocks that were just set.
const lifetime = 24 * time.Hour

func newAuthority(dir string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e2e"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{dir, certificate, key}, writePEM(filepath.Join(dir, "ca.crt"), "CERTIFICATE", der)
}

// subject is whom a certificate is for; the names are those of a server, and a client has none.
type subject struct {
	file, name, group string
	names             []string
}

func (a *authority) issue(s subject) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: s.name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if s.group != "" {
		template.Subject.Organization = []string{s.group}
	}
	for _, name := range s.names {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if address := net.ParseIP(name); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(a.dir, s.file+".crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	return writePEM(filepath.Join(a.dir, s.file+".key"), "PRIVATE KEY", private)
}

// kubeconfig writes the configuration of a client whose certificate was issued.
func (a *authority) kubeconfig(file string) error {
	return write(filepath.Join(a.dir, file+".kubeconfig"), fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: "https://%[3]s:443", certificate-authority: %[1]s/ca.crt}}]
users: [{name: e2e, user: {client-certificate: %[1]s/%[2]s.crt, client-key: %[1]s/%[2]s.key}}]
contexts: [{name: e2e, context: {cluster: e2e, user: e2e}}]
current-context: e2e
`, a.dir, file, serverAddress))
}

// accountKey writes the pair of keys that service account tokens are signed and verified with.
func accountKey(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "accounts.pub"), "PUBLIC KEY", public); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, "accounts.key"), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func writePEM(path, kind string, der []byte) error {
	return write(path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// issueAll makes every certificate and client configuration of the cluster.
func (a *authority) issueAll() error {
	for _, s := range []subject{
		{"apiserver", "kube-apiserver", "", []string{serverAddress, Address, "127.0.0.1", "localhost",
			"kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "hcp-kubernetes.e2e.svc.cluster.local"}}, // the last one is how AKS tells the cluster's id
		{"tokenproxy", "tokenproxy", "", []string{"*" + tokenProxySuffix}},
		{"kubelet-server", Name, "", []string{"127.0.0.1", Address}},
		{"apiserver-kubelet", "apiserver-kubelet", "system:masters", nil},
		{"admin", "admin", "system:masters", nil},
		{"controllers", "system:kube-controller-manager", "", nil},
		{"scheduler", "system:kube-scheduler", "", nil},
		{"kubelet", "system:node:" + Name, "system:nodes", nil},
	} {
		if err := a.issue(s); err != nil {
			return err
		}
		if s.names != nil {
			continue
		}
		if err := a.kubeconfig(s.file); err != nil {
			return err
		}
	}
	return accountKey(a.dir)
}
