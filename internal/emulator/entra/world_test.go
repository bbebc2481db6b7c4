package entra_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/issuer"
	"strongroom/internal/secret"
)

const (
	vault        = "https://vault.azure.net"
	exchange     = "api://AzureADTokenExchange"
	shopWeb      = "system:serviceaccount:shop:web"
	goodPassword = "correct horse"
)

// world is a tenant with a login host and a cluster's token issuer on one TLS listener, and a client that reaches
// these hosts and no other.
type world struct {
	tenant    entra.Tenant
	web       entra.Application // with goodPassword, a certificate, and trust in shop/web
	directory *entra.Directory
	issuer    *issuer.Issuer
	client    *http.Client
	login     string // https://login.azure.localhost:port
	hits      *hits
}

// newWorld starts one. c may be nil for the machine's clock.
func newWorld(t *testing.T, c clock.Clock, shape func(*entra.Config)) *world {
	t.Helper()
	w := &world{hits: &hits{}}
	var login, cluster http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hits.add(r)
		if strings.HasPrefix(r.Host, "issuer.") {
			cluster.ServeHTTP(rw, r)
			return
		}
		login.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	port := server.Listener.Addr().(*net.TCPAddr).Port
	w.client = closedClient(server)
	w.login = fmt.Sprintf("https://login.azure.localhost:%d", port)
	w.issuer = issuer.New(issuer.Config{URL: fmt.Sprintf("https://issuer.azure.localhost:%d", port), Clock: c})
	w.directory = entra.NewDirectory(entra.DirectoryConfig{Clock: c})
	w.directory.ShareKey(keyHolder())
	config := entra.Config{
		Directory: w.directory, Clock: c, Issuers: w.client, Hosts: []string{"login.azure.localhost"},
	}
	if shape != nil {
		shape(&config)
	}
	login, cluster = entra.New(config), w.issuer
	w.populate(t)
	return w
}

func (w *world) populate(t *testing.T) {
	t.Helper()
	var err error
	if w.tenant, err = w.directory.AddTenant(entra.Tenant{Domain: "contoso.example"}); err != nil {
		t.Fatal(err)
	}
	w.web, err = w.directory.AddApplication(entra.Application{
		Name:         "web",
		Secrets:      []entra.ClientSecret{{Name: "main", Value: secret.NewValue([]byte(goodPassword))}},
		Certificates: []entra.ClientCertificate{{Name: "main", Certificate: webPair().cert}},
		Federated:    []entra.FederatedCredential{w.trust("cluster", shopWeb)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) trust(name, subject string) entra.FederatedCredential {
	return entra.FederatedCredential{Name: name, Issuer: w.issuer.URL(), Subject: subject, Audience: exchange}
}

// serviceAccountToken is a token of shop/web for the audience.
func (w *world) serviceAccountToken(t *testing.T, audience string) string {
	t.Helper()
	token, _, err := w.issuer.Mint(issuer.Account{Namespace: "shop", Name: "web", Pod: "web-0"}, audience, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return string(token.Reveal())
}

// closedClient dials every host this authority may be called by to the server, and refuses all others, so that no
// credential can leave the machine by mistake.
func closedClient(server *httptest.Server) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	known := map[string]bool{
		"login.azure.localhost": true, "issuer.azure.localhost": true, "login.microsoftonline.com": true,
	}
	transport := &http.Transport{
		// The test server's certificate is for example.com; the names are not what is tested.
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "example.com"},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil || !known[host] {
				return nil, fmt.Errorf("a test may not call %s", address)
			}
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	return &http.Client{Transport: transport}
}

// hits counts requests by host and path.
type hits struct {
	mu    sync.Mutex
	paths []string
}

func (h *hits) add(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	host, _, _ := strings.Cut(r.Host, ":")
	h.paths = append(h.paths, r.Method+" "+host+r.URL.Path)
}

func (h *hits) count(part string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, p := range h.paths {
		if strings.Contains(p, part) {
			n++
		}
	}
	return n
}

// answer is any answer of the login host.
type answer struct {
	Status      int    `json:"-"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	TraceID     string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
	URI         string `json:"error_uri"`
	Suberror    string `json:"suberror"`
	Claims      string `json:"claims"`
	AccessToken string `json:"access_token"`
	ExpiresIn   any    `json:"expires_in"`
	RefreshIn   any    `json:"refresh_in"`
	ExpiresOn   any    `json:"expires_on"`
	Resource    string `json:"resource"`
}

// ask is a token request before it is sent.
type ask struct {
	method string
	path   string
	form   url.Values
	header http.Header
}

// secretAsk is a request that succeeds, to be spoilt.
func (w *world) secretAsk() *ask {
	return &ask{
		method: http.MethodPost,
		path:   "/" + w.tenant.ID + "/oauth2/v2.0/token",
		form: url.Values{
			"grant_type":    {"client_credentials"},
			"client_id":     {w.web.ClientID},
			"client_secret": {goodPassword},
			"scope":         {vault + "/.default openid offline_access profile"},
		},
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
}

// assertionAsk is the same with an assertion for a credential.
func (w *world) assertionAsk(assertion string) *ask {
	a := w.secretAsk()
	a.form.Del("client_secret")
	a.form.Set("client_assertion", assertion)
	a.form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	return a
}

func (w *world) send(t *testing.T, a *ask) answer {
	t.Helper()
	req, err := http.NewRequest(a.method, w.login+a.path, strings.NewReader(a.form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = a.header
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{Status: resp.StatusCode}
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return out
}

// keyHolder is the directory whose key all worlds sign with.
var keyHolder = sync.OnceValue(func() *entra.Directory { return entra.NewDirectory(entra.DirectoryConfig{}) })

// pair is a key with its self-signed certificate.
type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// webPair is the web application's, strangerPair nobody's; each is made once.
var (
	webPair      = sync.OnceValue(func() pair { return newPair(1, 2100) })
	strangerPair = sync.OnceValue(func() pair { return newPair(2, 2100) })
	expiredPair  = sync.OnceValue(func() pair { return newPair(3, 2020) })
)

func newPair(serial int64, until int) pair {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "web"},
		NotBefore: time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(until, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return pair{key, cert}
}
