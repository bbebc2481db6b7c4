package emulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"

	"strongroom/internal/emulator/issuer"
	"strongroom/internal/fault"
)

// HTTPClient is a client for tests and tools: it trusts the emulator's root, finds every name the emulator plays at its
// TLS listener, reaches the plain endpoints on loopback, and connects nowhere else. Each call makes a new one; its idle
// connections end with the emulator or with CloseIdleConnections.
func (e *Emulator) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         e.dial,
		TLSClientConfig:     &tls.Config{RootCAs: e.authority.Pool(), MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
	}}
}

// dial connects to one of the emulator's own listeners, by name or address.
func (e *Emulator) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if e.plays(address) {
		return e.dialTLS(ctx)
	}
	for _, l := range e.listeners.all() {
		if address == reach(l) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
}

func (e *Emulator) dialTLS(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", reach(e.listeners.tls))
}

// issuersClient is what Entra fetches the keys of federated issuers with. The document's issuers are answered from
// memory; the emulator's own are asked over its own listener, faults included; anybody else is not asked at all.
func (e *Emulator) issuersClient() *http.Client {
	published := map[string][]byte{}
	for _, i := range e.config.Document.Issuers {
		base := strings.TrimSuffix(i.URL, "/")
		keys := base + "/openid/v1/jwks"
		document, err := json.Marshal(map[string]any{
			"issuer": i.URL, "jwks_uri": keys,
			"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
		if err != nil { // strings always encode
			panic(err)
		}
		published[base+"/.well-known/openid-configuration"] = document
		published[keys] = []byte(i.JWKS)
	}
	client := e.HTTPClient()
	if e.config.Unheard {
		client.Transport = e.Transport()
	}
	client.Transport = issuers{published, client.Transport, e.plays}
	return client
}

// issuers is a transport that knows some pages by heart.
type issuers struct {
	published map[string][]byte // by URL
	own       http.RoundTripper
	plays     func(host string) bool
}

func (t issuers) RoundTrip(r *http.Request) (*http.Response, error) {
	if body, known := t.published[r.URL.String()]; known {
		return &http.Response{
			Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
			Body: io.NopCloser(bytes.NewReader(body)),
		}, nil
	}
	if t.plays(r.URL.Host) {
		return t.own.RoundTrip(r)
	}
	return nil, fault.New(fault.Unsupported, r.URL.Host, "the emulator calls nobody outside").
		Mend("add the issuer with its key set under issuers: in the emulator's document")
}

// clusters are those whose service account tokens the token proxy takes: the stand-in's, and the document's.
func (e *Emulator) clusters() (*issuer.Clusters, error) {
	clusters := issuer.NewClusters(e.issuer)
	for _, i := range e.config.Document.Issuers {
		if err := clusters.Add(i.URL, []byte(i.JWKS)); err != nil {
			return nil, err
		}
	}
	return clusters, nil
}
