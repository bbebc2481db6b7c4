package keyvault_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/fault"
)

// world is a server with one vault, v1, reached under its real name over TLS.
type world struct {
	t     *testing.T
	kv    *keyvault.Server
	clock *clock.Fake
	guard *doorman
	http  *http.Client
	host  string // of the vault, with port
}

func newWorld(t *testing.T, traits keyvault.Traits) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFake(), guard: &doorman{}}
	w.kv = keyvault.New(keyvault.Config{Clock: w.clock, Guard: w.guard, Traits: traits})
	w.kv.AddVault("v1")
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		vault, _, _ := strings.Cut(r.Host, ".")
		w.kv.Handler(vault).ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	must(t, err)
	w.host = "v1.vault.azure.localhost:" + port
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := &http.Transport{
		// The name in httptest's certificate, since it mints none for ours.
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	w.http = &http.Client{Transport: transport}
	return w
}

func (w *world) url() string { return "https://" + w.host }

// options are the SDKs' own but for the way to the server; retries are off so that a test sees each answer.
func (w *world) options() azcore.ClientOptions {
	return azcore.ClientOptions{Transport: w.http, Retry: policy.RetryOptions{MaxRetries: -1}}
}

// doorman is a guard that knows one token.
type doorman struct {
	mu     sync.Mutex
	refuse map[keyvault.Action]*keyvault.Refusal
	asked  []string
}

const tenant = "11111111-2222-3333-4444-555555555555"

func (d *doorman) Authenticate(_, _, bearer string) (keyvault.Caller, error) {
	switch bearer {
	case "good":
		return keyvault.Caller{TenantID: tenant}, nil
	case "foreign":
		e := fault.New(fault.Denied, "token", "Invalid issuer. Expected one of a, found b.")
		e.Remote.Code = "AKV10032"
		return keyvault.Caller{}, e
	}
	return keyvault.Caller{}, errors.New("not to be told")
}

func (d *doorman) Authorize(vault string, _ keyvault.Caller, area keyvault.Area, action keyvault.Action, object string) *keyvault.Refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, vault+" "+string(area)+" "+string(action)+" "+object)
	return d.refuse[action]
}

func (d *doorman) Challenge(_, host string) string {
	_, suffix, _ := strings.Cut(host, ".")
	return `Bearer authorization="https://login.azure.localhost/` + tenant + `", resource="https://` + suffix + `"`
}

// static is a credential that needs nobody to ask.
type static struct{}

func (static) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "good", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// reply is an answer as the wire had it.
type reply struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// errorCodes are "code/inner" and the message.
func (r reply) errorCodes() (string, string) {
	e, _ := r.body["error"].(map[string]any)
	code, _ := e["code"].(string)
	message, _ := e["message"].(string)
	if inner, ok := e["innererror"].(map[string]any); ok {
		code += "/" + inner["code"].(string)
	}
	return code, message
}

func (r reply) list() []any {
	list, _ := r.body["value"].([]any)
	return list
}

// send makes a request with a good token; path may hold a query, api-version is added when it has none.
func (w *world) send(method, path, body string) reply {
	w.t.Helper()
	if !strings.Contains(path, "api") {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		path += sep + "api-version=7.4"
	}
	return w.request(method, path, body, map[string]string{"Authorization": "Bearer good"})
}

func (w *world) request(method, path, body string, header map[string]string) reply {
	w.t.Helper()
	target := path
	if !strings.HasPrefix(path, "https:") {
		target = w.url() + path
	}
	req, err := http.NewRequest(method, target, bytes.NewBufferString(body))
	must(w.t, err)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := w.http.Do(req)
	must(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	must(w.t, err)
	r := reply{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if len(raw) > 0 {
		must(w.t, json.Unmarshal(raw, &r.body))
	}
	return r
}

// done sends and insists on a 2xx.
func (w *world) done(method, path, body string) reply {
	w.t.Helper()
	r := w.send(method, path, body)
	if r.status/100 != 2 {
		w.t.Fatalf("%s %s: %d %s", method, path, r.status, r.raw)
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// hasCode insists on a Key Vault error as the SDKs report it.
func hasCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	var e *azcore.ResponseError
	if !errors.As(err, &e) || e.StatusCode != status || e.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}
