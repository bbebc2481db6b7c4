package azure

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/hosts"
)

// Emulator is the handle. Its methods may be called by many tests at once; what they plant has names of its own, so that
// nobody meets another's.
type Emulator struct {
	config Config
	client *http.Client

	mu     sync.Mutex
	vaults map[string]bool
	faults []*faults.Fault
	tokens map[string]token // of the operator, by scope
}

// Connect finds a running emulator; it fails until there is one.
func Connect(ctx context.Context, c Config) (*Emulator, error) {
	if _, err := os.Stat(filepath.Join(c.Shared, "endpoints.json")); err != nil { // written last
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(c.Shared, "ca.pem"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("ca.pem holds no certificate")
	}
	vaults, err := vaultsOf(c.Document)
	if err != nil {
		return nil, err
	}
	e := &Emulator{config: c, vaults: vaults, tokens: map[string]token{}}
	e.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: e.dial}}
	_, err = e.call(ctx, http.MethodGet, e.control("endpoints"), "", nil)
	return e, err
}

// vaultsOf are the names of the vaults that a document or a piece of one holds.
func vaultsOf(document string) (map[string]bool, error) {
	var d struct {
		Vaults []struct{ Name string } `json:"vaults"`
	}
	if err := yaml.Unmarshal([]byte(document), &d); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, v := range d.Vaults {
		names[strings.ToLower(v.Name)] = true
	}
	return names, nil
}

// dial leads every https name to the emulator, without asking a name server.
func (e *Emulator) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if _, port, _ := net.SplitHostPort(address); port == "443" {
		address = e.config.Address + ":443"
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (e *Emulator) control(path string) string { return "http://" + control + "/_emulator/" + path }

// Plays is true for a name that resolves in this Azure: of vaults, those that exist.
func (e *Emulator) Plays(name string) bool {
	place, known := hosts.Locate(name)
	if !known || place.Service != faults.KeyVault {
		return known
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.vaults[place.Vault]
}

// call makes one request and gives the body of a good answer.
func (e *Emulator) call(ctx context.Context, method, address, bearer string, body any) ([]byte, error) {
	var text []byte
	switch body := body.(type) {
	case nil:
	case string:
		text = []byte(body)
	default:
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	return e.answer(request)
}

func (e *Emulator) answer(request *http.Request) ([]byte, error) {
	response, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", request.Method, request.URL.Redacted(), response.Status, answer)
	}
	return answer, nil
}

// token is a bearer token until it expires.
type token struct {
	text    string
	expires time.Time
}

// operatorToken is good for a resource, such as https://vault.azure.net.
func (e *Emulator) operatorToken(ctx context.Context, resource string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if kept := e.tokens[resource]; time.Now().Before(kept.expires) {
		return kept.text, nil
	}
	got, err := e.ask(ctx, url.Values{"client_id": {operatorID}, "client_secret": {operatorSecret}, "scope": {resource + "/.default"}})
	if err != nil {
		return "", err
	}
	e.tokens[resource] = got
	return got.text, nil
}

// ask asks the tenant's token endpoint.
func (e *Emulator) ask(ctx context.Context, form url.Values) (token, error) {
	form.Set("grant_type", "client_credentials")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"https://login.microsoftonline.com/"+Tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := e.answer(request)
	if err != nil {
		return token{}, err
	}
	var got struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	err = json.Unmarshal(answer, &got)
	return token{got.Token, time.Now().Add(time.Duration(got.Seconds)*time.Second - time.Minute)}, err
}

// Exchange trades a service account token for an access token to vaults, as a workload does.
func (e *Emulator) Exchange(ctx context.Context, clientID, assertion string) (string, error) {
	got, err := e.ask(ctx, url.Values{
		"client_id": {clientID}, "scope": {"https://vault.azure.net/.default"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	return got.text, err
}

// operate makes a request in the operator's name; the test fails with it.
func (e *Emulator) operate(t testing.TB, method, resource, address string, body any) []byte {
	t.Helper()
	bearer, err := e.operatorToken(t.Context(), resource)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := e.call(t.Context(), method, address, bearer, body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
