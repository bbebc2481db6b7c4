package attack

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/publish"
)

// spellings are the ways a value could get out.
func spellings(value string) []string {
	quoted, _ := json.Marshal(value)
	list := []string{
		value, strings.Trim(string(quoted), `"`), url.QueryEscape(value), hex.EncodeToString([]byte(value)),
		strings.Trim(fmt.Sprintf("%q", value), `"`), fmt.Sprint([]byte(value)),
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		list = append(list, encoding.EncodeToString([]byte(value)))
	}
	return list
}

// echo answers with everything the request held, in every field that could be repeated.
func echo(code int) lie {
	return func(w http.ResponseWriter, r *http.Request) {
		form, _ := io.ReadAll(r.Body)
		all := r.Header.Get("Authorization") + " " + string(form)
		decoded, _ := url.QueryUnescape(all)
		bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("Www-Authenticate", `Bearer authorization="https://x/`+bearer+`", resource="`+bearer+`", error_description="`+bearer+`"`)
		w.Header().Set("X-Ms-Request-Id", bearer)
		w.Header().Set("X-Ms-Error-Code", bearer)
		answer(w, code, map[string]any{
			"error": json.RawMessage(mustJSON(map[string]any{"code": bearer, "message": decoded + " " + all, "innererror": map[string]any{"code": "AccessDenied"}})),
		})
	}
}

// echoToken is echo in the shape of the authority.
func echoToken(code int) lie {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		all := r.Form.Get("client_secret") + " " + r.Form.Get("client_assertion") + " " + r.Form.Encode()
		answer(w, code, map[string]any{"error": r.Form.Get("client_secret"), "error_description": "AADSTS7000215: " + all, "trace_id": r.Form.Get("client_assertion"), "correlation_id": r.Form.Get("client_secret")})
	}
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func clientCertificate(t *testing.T) (bundle string, key *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), key
}

// What is planted in vaults, tokens, credentials and certificates is found in the mounted files and nowhere else, on the
// good path and on every bad one, with all logging on. It runs in a process of its own, whose working directory and
// directory for temporary files are nobody else's, and which must leave nothing in them.
func TestPlantedValuesAreInTheMountedFilesAndNowhereElse(t *testing.T) {
	t.Parallel()
	if os.Getenv(alone) == "" {
		runAlone(t)
		return
	}
	const (
		vaultValue = "planted vault+value/7f3a \"ü\""
		password   = "planted-client-secret-9c1e"
		certPass   = "planted-pfx-password-55aa"
	)
	jsonLog, wire, statuses := &logged{}, &logged{}, &logged{}
	n := newNode(t, func(s *settings) { s.share.MaxWait, s.json = -1, jsonLog })
	n.azure.set("a", vaultValue, version1)
	bundle, key := clientCertificate(t)
	private := base64.StdEncoding.EncodeToString(key.D.Bytes())[:40]
	block, _ := pem.Decode([]byte(bundle[strings.Index(bundle, "-----BEGIN PRIVATE"):]))

	planted := map[string]string{
		"vault value": vaultValue, "client secret": password, "certificate's password": certPass, "private key": private,
		"private key's PEM": base64.StdEncoding.EncodeToString(block.Bytes)[100:160], "access token": "access-token-", "signature": "c2lnbmF0dXJl",
	}
	modes := map[string]func() *pod{
		"workload": func() *pod { return n.pod(parameters(secrets("a"))) },
		"secret": func() *pod {
			p := n.pod(parameters(secrets("a"), "clientID", ""))
			p.secrets = map[string]string{"clientid": client, "clientsecret": password}
			return p
		},
		"certificate": func() *pod {
			p := n.pod(parameters(secrets("a"), "clientID", ""))
			p.secrets = map[string]string{"clientid": client, "clientcertificate": bundle}
			return p
		},
		"broken certificate": func() *pod {
			p := n.pod(parameters(secrets("a"), "clientID", ""))
			p.secrets = map[string]string{"clientid": client, "clientcertificate": strings.Replace(bundle, "MII", "XII", 1), "clientcertificatepassword": certPass}
			return p
		},
		"swapped keys": func() *pod {
			p := n.pod(parameters(secrets("a"), "clientID", ""))
			p.secrets = map[string]string{"clientid": password, "clientsecret": client}
			return p
		},
		"managed": func() *pod { return n.pod(parameters(secrets("a"), "clientID", "", "useVMManagedIdentity", "true")) },
		"pod":     func() *pod { return n.pod(parameters(secrets("a"), "clientID", "", "usePodIdentity", "true")) },
		"binding": func() *pod { return n.pod(parameters(secrets("a"), "useAzureTokenProxy", "true")) },
		"forged": func() *pod {
			p := n.pod(parameters(secrets("a")))
			p.tokens = "{" + p.tokens
			return p
		},
		"encoded": func() *pod { return n.pod(parameters(secrets("a,objectEncoding: hex"))) },
	}
	var errs []string
	mounted := map[string]*pod{}
	var all []*pod
	worlds := []func(string, http.ResponseWriter, *http.Request) bool{
		nil,
		only("secrets", echo(401)), only("secrets", echo(403)), only("secrets", echo(404)), only("secrets", echo(400)), only("secrets", echo(500)),
		only("secrets", body(vaultValue)), only("secrets", body(`{"value":"`+password)),
		only("token proxy imds nmi", echoToken(400)), only("token proxy imds nmi", echoToken(401)), only("token proxy imds nmi", echoToken(500)),
		only("nmi", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			body("no: "+n.token("shop", "web", exchange, nil))(w, r)
		}),
	}
	for i, world := range worlds {
		n.azure.on(world)
		before := n.recorded()
		for name, make := range modes {
			p := make()
			all = append(all, p)
			if err := p.mount(); err != nil {
				errs = append(errs, err.Error(), fmt.Sprintf("%+v", err))
			} else if i == 0 {
				mounted[name] = p
			}
			p.onTheWire(wire)
			if old := mounted[name]; old != nil {
				if err := old.mount(); err != nil {
					errs = append(errs, err.Error())
				}
			}
		}
		n.statuses(before, len(mounted), statuses)
	}
	if len(mounted) < 6 {
		t.Fatalf("only %d modes were mounted: %v", len(mounted), errs)
	}
	for name, p := range mounted {
		if got := p.files()["a"]; got != vaultValue {
			t.Errorf("%s holds %q", name, got)
		}
	}
	for what, text := range map[string]string{"JSON log": jsonLog.String(), "wire": wire.String(), "statuses": statuses.String()} {
		if !strings.Contains(text, "kv-one") {
			t.Errorf("the %s tells nothing: %.300s", what, text)
		}
	}
	written := map[string]string{
		"JSON log": jsonLog.String(), "answers on the sockets": wire.String(), "statuses and events": statuses.String(),
		"log": n.log.String(), "metrics": n.page(), "errors": strings.Join(errs, "\n"), "records": n.told(), "statistics": fmt.Sprintf("%+v", n.pool.Stats()),
	}
	for where, text := range written {
		tellsNothing(t, where, text, planted)
	}
	for what, value := range planted {
		if what == "vault value" {
			strayValues(t, os.TempDir(), value) // every volume is there, too
		} else if found := grep(t, os.TempDir(), value); len(found) > 0 {
			t.Errorf("the %s is in %v", what, found)
		}
	}
	for _, p := range all {
		p.unmount()
	}
	if left := grep(t, os.TempDir(), vaultValue); len(left) > 0 {
		t.Errorf("after unmounting: %v", left)
	}
}

// tellsNothing fails where one of the planted values is in a text, in any spelling.
func tellsNothing(t *testing.T, where, text string, planted map[string]string) {
	t.Helper()
	for what, value := range planted {
		for _, spelling := range spellings(value) {
			if at := strings.Index(text, spelling); at >= 0 {
				t.Errorf("the %s is in the %s: %.300s", what, where, text[max(0, at-150):])
				break
			}
		}
	}
}

// told is everything the recorder was told, as logs and JSON would show it.
func (n *node) told() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var b strings.Builder
	for _, r := range n.records {
		fmt.Fprintf(&b, "%+v %#v %s %s\n", r, r, fault.Explain(r.Err), mustJSON(struct {
			publish.Record
			Err string
		}{r, fmt.Sprintf("%+v", r.Err)}))
	}
	return b.String()
}

// strayValues checks that a value is in files of volumes only, those that are reached through ..data.
func strayValues(t *testing.T, root, value string) {
	t.Helper()
	for _, path := range grep(t, root, value) {
		set := filepath.Dir(path)
		if visible, err := os.Readlink(filepath.Join(filepath.Dir(set), "..data")); err != nil || visible != filepath.Base(set) {
			t.Errorf("stray: %s", path)
		}
	}
}

// grep lists the regular files below root that hold a value.
func grep(t *testing.T, root, value string) (found []string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), value) {
			found = append(found, path)
		}
		return err
	}))
	return found
}
