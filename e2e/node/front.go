package node

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// serveFront is what stands before the API server of AKS, and what kubernetes.default resolves to here: by the name a
// client asks for in its TLS greeting it is led to the token proxy of identity binding or, with everything it says
// untouched, to the API server.
func (n *Node) serveFront() error {
	proxy, err := n.tokenProxy()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", frontAddress+":443")
	if err != nil {
		return err
	}
	go func() {
		defer listener.Close()
		for {
			conn, err := listener.Accept()
			if err != nil {
				n.fail(fmt.Errorf("the front of the API server ended: %w", err))
				return
			}
			go lead(conn, proxy)
		}
	}()
	return nil
}

// tokenProxy is a server with a certificate of the cluster's, which asks the emulator's token proxy: that one has a
// certificate of another authority, and no client would take it.
func (n *Node) tokenProxy() (*handed, error) {
	certificate, err := tls.LoadX509KeyPair(n.pki("tokenproxy.crt"), n.pki("tokenproxy.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(SharedDir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	backend := &http.Transport{DialTLSContext: (&tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "tokenproxy.azure.localhost"}}).DialContext}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{Transport: backend, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "https", AzureAddress+":443"
	}}}
	made := &handed{connections: make(chan net.Conn), closed: make(chan struct{})}
	go func() {
		_ = server.Serve(tls.NewListener(made, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	}() // as long as the run
	return made, nil
}

// lead reads a connection's greeting and hands it on.
func lead(conn net.Conn, proxy *handed) {
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	name, greeting, err := serverName(conn)
	_ = conn.SetReadDeadline(time.Time{})
	if err != nil {
		conn.Close()
		return
	}
	whole := greeted{conn, io.MultiReader(bytes.NewReader(greeting), conn)}
	if strings.HasSuffix(name, tokenProxySuffix) {
		proxy.connections <- whole
		return
	}
	server, err := net.Dial("tcp", serverAddress+":443")
	if err != nil {
		conn.Close()
		return
	}
	var one sync.Once
	end := func() { one.Do(func() { conn.Close(); server.Close() }) }
	go func() { defer end(); _, _ = io.Copy(server, whole) }()
	go func() { defer end(); _, _ = io.Copy(conn, server) }()
}

var errSeen = errors.New("that was all")

// serverName reads a TLS greeting, and gives the name it asks for and the bytes that were read.
func serverName(conn net.Conn) (name string, greeting []byte, err error) {
	var read bytes.Buffer
	looking := tls.Server(mute{conn, io.TeeReader(conn, &read)}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name = h.ServerName
		return nil, errSeen
	}})
	if err = looking.Handshake(); errors.Is(err, errSeen) {
		err = nil
	}
	return name, read.Bytes(), err
}

// mute is a connection that reads elsewhere and says nothing.
type mute struct {
	net.Conn
	reader io.Reader
}

func (m mute) Read(b []byte) (int, error)  { return m.reader.Read(b) }
func (m mute) Write(b []byte) (int, error) { return len(b), nil }

// greeted is a connection whose first bytes were read already.
type greeted struct {
	net.Conn
	reader io.Reader
}

func (g greeted) Read(b []byte) (int, error) { return g.reader.Read(b) }

// handed is a listener for connections that somebody else has accepted.
type handed struct {
	connections chan net.Conn
	once        sync.Once
	closed      chan struct{}
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case conn := <-h.connections:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handed) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handed) Addr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(frontAddress), Port: 443} }
