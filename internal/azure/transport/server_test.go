package transport_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"strongroom/internal/azure/transport"
)

// server is a TLS server that counts what reaches it.
type server struct {
	*httptest.Server
	port        string
	ca          []byte
	connections atomic.Int32
	requests    atomic.Int32
}

type option func(*httptest.Server)

func http1(s *httptest.Server) { s.EnableHTTP2 = false }

func oldTLS(s *httptest.Server) {
	s.TLS.MinVersion, s.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
}

// serve starts a server whose certificate holds for the names.
func serve(t *testing.T, h http.HandlerFunc, names []string, options ...option) *server {
	t.Helper()
	certificate, ca := mint(t, names)
	s := &server{ca: ca}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		h(w, r)
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, o := range options {
		o(s.Server)
	}
	s.Listener = counting{s.Listener, &s.connections}
	s.StartTLS()
	t.Cleanup(s.Close)
	_, s.port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return s
}

func (s *server) address(name string) string { return "https://" + net.JoinHostPort(name, s.port) }

type counting struct {
	net.Listener
	count *atomic.Int32
}

func (l counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.count.Add(1)
	}
	return c, err
}

// mint makes a self-signed certificate, which is its own authority.
func mint(t *testing.T, names []string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test"},
		DNSNames:              names,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// connectProxy is an HTTP CONNECT proxy that sends every name to one address.
type connectProxy struct {
	address string
	asked   atomic.Int32
}

func proxyTo(t *testing.T, s *server) *connectProxy {
	t.Helper()
	p := &connectProxy{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
			return
		}
		p.asked.Add(1)
		far, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			http.Error(w, "no route", http.StatusBadGateway)
			return
		}
		near, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
		go relay(far, buffered.Reader, near)
		relay(near, bufio.NewReader(far), far)
	}))
	t.Cleanup(front.Close)
	p.address = strings.TrimPrefix(front.URL, "http://")
	return p
}

// relay copies until either side ends, then ends both.
func relay(to net.Conn, from io.Reader, other net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = other.Close()
}

func open(t *testing.T, c transport.Config) *transport.Clients {
	t.Helper()
	clients, err := transport.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	return clients
}

// get reads an answer whole.
func get(c *http.Client, address string) (status int, body string, err error) {
	resp, err := c.Get(address)
	if err != nil {
		return 0, "", err
	}
	b, err := transport.Body(resp)
	return resp.StatusCode, string(b), err
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }
