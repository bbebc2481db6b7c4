package node

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// The front reads a client's greeting and hands it on whole: whoever gets the connection then completes it.
func TestAGreetingIsReadAndHandedOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pki, err := newAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.issue(subject{"tokenproxy", "tokenproxy", "", []string{"*" + tokenProxySuffix}}); err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "tokenproxy.crt"), filepath.Join(dir, "tokenproxy.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)

	near, far := net.Pipe()
	said := make(chan error, 1)
	go func() {
		client := tls.Client(near, &tls.Config{ServerName: "abc" + tokenProxySuffix, RootCAs: roots})
		_, err := client.Write([]byte("hello"))
		said <- err
	}()
	name, greeting, err := serverName(far)
	if err != nil || name != "abc.ests.aks" {
		t.Fatalf("%q, %v", name, err)
	}
	server := tls.Server(greeted{far, io.MultiReader(bytes.NewReader(greeting), far)}, &tls.Config{Certificates: []tls.Certificate{certificate}})
	text := make([]byte, 5)
	if _, err := io.ReadFull(server, text); err != nil || string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	if err := <-said; err != nil {
		t.Error(err)
	}

	near, far = net.Pipe()
	go func() { _, _ = near.Write([]byte("GET / HTTP/1.1\r\n\r\n")); near.Close() }()
	if name, _, err := serverName(far); err == nil {
		t.Errorf("what is no greeting asks for %q", name)
	}
}
