package attack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeAzure plays token authority, vaults, metadata service, pod identity daemon and token proxy, as far as a client can
// see them. Left alone it is honest: every secret's value names the identity that read it. on lets a test lie.
type fakeAzure struct {
	port   string // of the TLS listener
	ca     []byte
	imds   string
	nmi    string
	closed func()

	mu       sync.Mutex
	seen     []seen
	tokens   map[string]string // access token -> whom it is for
	minted   int
	version  string // of every object
	values   map[string]string
	lie      func(kind string, w http.ResponseWriter, r *http.Request) (told bool)
	tokenFor time.Duration
}

// seen is one request as it arrived.
type seen struct {
	kind, host, path, auth string
}

const version1 = "11111111111111111111111111111111"

func newAzure(t *testing.T) *fakeAzure {
	t.Helper()
	f := &fakeAzure{tokens: map[string]string{}, values: map[string]string{}, version: version1, tokenFor: time.Hour}
	certificate, ca := mint(t, "login.fake.localhost", "proxy.fake.localhost", "*.vault.fake.localhost", "*.other.localhost")
	f.ca = ca
	azure := httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	azure.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	azure.EnableHTTP2 = true
	azure.Config.ErrorLog = log.New(io.Discard, "", 0)
	azure.StartTLS()
	_, f.port, _ = net.SplitHostPort(azure.Listener.Addr().String())
	imds := httptest.NewServer(http.HandlerFunc(f.serveIMDS))
	nmi := httptest.NewServer(http.HandlerFunc(f.serveNMI))
	f.imds, f.nmi = imds.URL, nmi.URL
	f.closed = func() {
		azure.CloseClientConnections()
		azure.Close()
		imds.Close()
		nmi.Close()
	}
	t.Cleanup(f.closed)
	return f
}

// mint makes a certificate that is its own authority, so that nothing but it need be trusted.
func mint(t *testing.T, names ...string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// on sets how requests are answered from now on; nil is honestly.
func (f *fakeAzure) on(lie func(kind string, w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lie = lie
}

// set gives a secret a value of its own, the same for every reader.
func (f *fakeAzure) set(name, value, version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.values[name], f.version = value, version
}

// requests are those since the last call of it.
func (f *fakeAzure) requests() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.seen
	f.seen = nil
	return list
}

// count is how many of a kind there are; "" counts all.
func count(list []seen, kind string) (n int) {
	for _, s := range list {
		if kind == "" || s.kind == kind {
			n++
		}
	}
	return n
}

func (f *fakeAzure) note(kind string, w http.ResponseWriter, r *http.Request) (told bool) {
	f.mu.Lock()
	f.seen = append(f.seen, seen{kind: kind, host: r.Host, path: r.URL.RequestURI(), auth: r.Header.Get("Authorization")})
	lie := f.lie
	f.mu.Unlock()
	return lie != nil && lie(kind, w, r)
}

func (f *fakeAzure) serve(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	switch {
	case host == "login.fake.localhost" && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		f.serveToken("token", w, r)
	case host == "proxy.fake.localhost" && r.Method == http.MethodPost:
		f.serveToken("proxy", w, r)
	case strings.HasSuffix(host, ".vault.fake.localhost") || strings.HasSuffix(host, ".other.localhost"):
		f.serveVault(host, w, r)
	default:
		f.note("other", w, r)
		http.NotFound(w, r)
	}
}

func (f *fakeAzure) serveToken(kind string, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 2<<20))
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if f.note(kind, w, r) {
		return
	}
	_ = r.ParseForm()
	tenant, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	whom := []string{kind, tenant, r.Form.Get("client_id")}
	if assertion := r.Form.Get("client_assertion"); assertion != "" {
		c := claimsOf(assertion)
		whom = append(whom, fmt.Sprint(c["iss"]), fmt.Sprint(c["sub"]), fmt.Sprint(c["aud"]))
	} else {
		sum := sha256.Sum256([]byte(r.Form.Get("client_secret")))
		whom = append(whom, hex.EncodeToString(sum[:8]))
	}
	answer(w, 200, map[string]any{"token_type": "Bearer", "expires_in": int(f.tokenFor.Seconds()), "access_token": f.token(whom...)})
}

func (f *fakeAzure) serveIMDS(w http.ResponseWriter, r *http.Request) {
	if f.note("imds", w, r) {
		return
	}
	client := r.URL.Query().Get("client_id")
	if r.Header.Get("Metadata") != "true" {
		answer(w, 400, map[string]any{"error": "invalid_request"})
		return
	}
	answer(w, 200, map[string]any{"token_type": "Bearer", "expires_in": "3600", "access_token": f.token("imds", client), "client_id": client})
}

func (f *fakeAzure) serveNMI(w http.ResponseWriter, r *http.Request) {
	if f.note("nmi", w, r) {
		return
	}
	client := nmiClient(r.Header.Get("podns"), r.Header.Get("podname"))
	answer(w, 200, map[string]any{
		"token":    map[string]any{"token_type": "Bearer", "expires_in": "3600", "access_token": f.token("nmi", client)},
		"clientid": client,
	})
}

// nmiClient is the identity that is bound to a pod.
func nmiClient(namespace, pod string) string { return "bound-to-" + namespace + "-" + pod }

func (f *fakeAzure) token(whom ...string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.minted++
	token := fmt.Sprintf("access-token-%06d", f.minted)
	f.tokens[token] = strings.Join(whom, "|")
	return token
}

// serveVault answers /secrets/<name>/[<version>] and /<area>/<name>/versions.
func (f *fakeAzure) serveVault(host string, w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	kind := "other"
	switch {
	case len(parts) == 3 && parts[2] == "versions":
		kind = "versions"
	case len(parts) == 3 && r.Method == http.MethodGet && slices.Contains([]string{"secrets", "keys", "certificates"}, parts[0]):
		kind = parts[0]
	}
	if f.note(kind, w, r) {
		return
	}
	f.mu.Lock()
	whom, known := f.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	version := f.version
	value, own := f.values[first(parts, 1)]
	f.mu.Unlock()
	switch {
	case !known:
		w.Header().Set("Www-Authenticate", `Bearer authorization="https://login.fake.localhost/t", resource="https://vault.fake.localhost"`)
		answer(w, 401, map[string]any{"error": map[string]any{"code": "Unauthorized", "message": "no token of ours"}})
	case kind == "versions":
		answer(w, 200, map[string]any{"value": []any{map[string]any{"id": "https://" + r.Host + "/" + parts[0] + "/" + parts[1] + "/" + version, "attributes": map[string]any{"enabled": true, "created": 1}}}})
	case kind == "secrets":
		if asked := parts[2]; asked != "" {
			version = asked
		}
		if !own {
			value = contentFor(whom, host, parts[1])
		}
		answer(w, 200, map[string]any{"value": value, "id": "https://" + r.Host + "/secrets/" + parts[1] + "/" + version})
	default:
		answer(w, 404, map[string]any{"error": map[string]any{"code": "SecretNotFound", "message": "not here"}})
	}
}

// contentFor is what a reader finds in a secret.
func contentFor(whom, vaultHost, name string) string {
	vault, _, _ := strings.Cut(vaultHost, ".")
	return whom + " reads " + name + " in " + vault
}

func first(parts []string, i int) string {
	if i < len(parts) {
		return parts[i]
	}
	return ""
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// only limits a lie to some kinds of request.
func only(kinds string, lie func(http.ResponseWriter, *http.Request)) func(string, http.ResponseWriter, *http.Request) bool {
	return func(kind string, w http.ResponseWriter, r *http.Request) bool {
		if !slices.Contains(strings.Fields(kinds), kind) {
			return false
		}
		lie(w, r)
		return true
	}
}

func status(code int, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		answer(w, code, map[string]any{"error": map[string]any{"code": "Code", "message": "said so"}})
	}
}

// jwt is a service account token of these claims. Its signature is as good as any: only Azure can check it.
func jwt(claims map[string]any) string {
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]any{"alg": "RS256", "kid": "k"}) + "." + part(claims) + ".c2lnbmF0dXJl"
}

func claimsOf(token string) map[string]any {
	var claims map[string]any
	if parts := strings.Split(token, "."); len(parts) == 3 {
		body, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(body, &claims)
	}
	return claims
}
