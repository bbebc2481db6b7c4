package az

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom/e2e/node"
)

const (
	vaultResource = "https://vault.azure.net"
	armResource   = "https://management.azure.com"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// world is the emulator as its clients see it: by Azure's names, which this network leads there.
type world struct {
	client    *http.Client
	ca        string // file
	scratch   string // directory
	endpoints struct {
		Control string            `json:"control"`
		IMDS    map[string]string `json:"imds"`
	}
}

func newWorld(n *node.Node) (*world, error) {
	w := &world{ca: filepath.Join(node.SharedDir, "ca.pem"), scratch: n.Scratch()}
	ca, err := os.ReadFile(w.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("ca.pem holds no certificate")
	}
	w.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	text, err := os.ReadFile(filepath.Join(node.SharedDir, "endpoints.json"))
	if err != nil {
		return nil, err
	}
	return w, json.Unmarshal(text, &w.endpoints)
}

// reply is an answer with its body, decoded where it is JSON.
type reply struct {
	status int
	text   string
	body   map[string]any
}

func (r reply) field(name string) string {
	text, _ := r.body[name].(string)
	return text
}

func (w *world) do(t *testing.T, r *http.Request) reply {
	t.Helper()
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{status: response.StatusCode, text: string(text)}
	_ = json.Unmarshal(text, &got.body) // what is no JSON has no fields
	return got
}

func (w *world) request(t *testing.T, method, address, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// with asks as the bearer.
func (w *world) with(t *testing.T, bearer, method, address, body string) reply {
	t.Helper()
	r := w.request(t, method, address, body)
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/json")
	return w.do(t, r)
}

// imds asks the metadata service of a node for a token of one of its identities; no client id is the node's own.
func (w *world) imds(t *testing.T, node, clientID, resource string) reply {
	t.Helper()
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {resource}}
	if clientID != "" {
		query.Set("client_id", clientID)
	}
	r := w.request(t, http.MethodGet, w.endpoints.IMDS[node]+"/metadata/identity/oauth2/token?"+query.Encode(), "")
	r.Header.Set("Metadata", "true")
	return w.do(t, r)
}

// token asks the tenant's token endpoint as an application, with a secret.
func (w *world) token(t *testing.T, clientID, secret, resource string) reply {
	t.Helper()
	return w.ask(t, url.Values{"client_id": {clientID}, "client_secret": {secret}, "scope": {resource + "/.default"}})
}

// exchange does so with a token of a cluster's service account.
func (w *world) exchange(t *testing.T, clientID, account string) reply {
	t.Helper()
	return w.ask(t, url.Values{
		"client_id": {clientID}, "scope": {vaultResource + "/.default"}, "client_assertion": {w.accountToken(t, account)}, "client_assertion_type": {assertionType},
	})
}

func (w *world) ask(t *testing.T, form url.Values) reply {
	t.Helper()
	form.Set("grant_type", "client_credentials")
	r := w.request(t, http.MethodPost, "https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token", form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(t, r)
}

// accountToken is a token of the cluster for "namespace:name".
func (w *world) accountToken(t *testing.T, account string) string {
	t.Helper()
	namespace, name, _ := strings.Cut(account, ":")
	body := fmt.Sprintf(`{"namespace":%q,"name":%q,"audience":"api://AzureADTokenExchange","ttl":"1h"}`, namespace, name)
	got := w.do(t, w.request(t, http.MethodPost, w.endpoints.Control+"/_emulator/serviceaccounttoken", body))
	if got.field("token") == "" {
		t.Fatalf("no token: %s", got.text)
	}
	return got.field("token")
}

// good is the token of an answer that must be one.
func good(t *testing.T, r reply) string {
	t.Helper()
	if r.status != http.StatusOK || r.field("access_token") == "" {
		t.Fatalf("no token: %d %s", r.status, r.text)
	}
	return r.field("access_token")
}

// objectID is whose a token is.
func objectID(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		ObjectID string `json:"oid"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.ObjectID
}

// reads tells which of a vault's objects the bearer may read, as a word for each, and whether it may list the secrets.
func (w *world) reads(t *testing.T, bearer, vault string) string {
	t.Helper()
	var may []string
	for _, one := range []struct{ word, path string }{
		{"secret", "/secrets/secret1"}, {"key", "/keys/key1"}, {"certificate", "/certificates/cert1"}, {"list", "/secrets"},
	} {
		got := w.with(t, bearer, http.MethodGet, "https://"+vault+".vault.azure.net"+one.path+"?api-version=7.4", "")
		switch got.status {
		case http.StatusOK:
			may = append(may, one.word)
		case http.StatusForbidden:
		default:
			t.Fatalf("%s of %s: %d %s", one.path, vault, got.status, got.text)
		}
	}
	return strings.Join(may, " ")
}
