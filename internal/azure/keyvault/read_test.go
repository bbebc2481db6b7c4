package keyvault_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/keyvault"
	"strongroom/internal/fault"
	"strongroom/internal/secret"

	"github.com/google/go-cmp/cmp"
)

const version = "0123456789abcdef0123456789abcdef"

func TestSecret(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, `{"value":"p\u00e4ss\nword","id":"https://v.vault.azure.net/secrets/db/`+version+`","contentType":"text/plain",
		"kid":"https://v.vault.azure.net/keys/db/1","attributes":{"enabled":true,"created":1700000000,"nbf":1700000001,"exp":1800000000,"recoveryLevel":"Recoverable"},"tags":{"a":"b"}}`))
	client, vault := vaultOf(t, s)
	got, err := client.Secret(t.Context(), vault, token, "db", "")
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Value.Reveal()) != "päss\nword" {
		t.Errorf("a value of %d bytes", got.Value.Len())
	}
	notBefore, expires := time.Unix(1700000001, 0).UTC(), time.Unix(1800000000, 0).UTC()
	got.Value = secret.Value{}
	want := keyvault.SecretBundle{ID: s.URL + "/secrets/db/" + version, Version: version, ContentType: "text/plain",
		KID: "https://v.vault.azure.net/keys/db/1", Enabled: true, NotBefore: &notBefore, Expires: &expires}
	if diff := cmp.Diff(want, got, cmp.Comparer(secret.Value.Equal)); diff != "" {
		t.Error(diff)
	}

	r := s.only(t)
	if r.Method != http.MethodGet || r.RequestURI != "/secrets/db/?api-version=7.4" {
		t.Errorf("%s %s", r.Method, r.RequestURI)
	}
	for name, want := range map[string]string{"Authorization": "Bearer " + bearer, "User-Agent": "strongroom/1.2.3 shop", "Accept": "application/json"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestSmallestAndLargestSecret(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"empty": "", "25 KiB": strings.Repeat("x", 25<<10)} {
		s := serve(t, says(200, `{"value":"`+value+`","id":"https://v/secrets/db/1"}`))
		client, vault := vaultOf(t, s)
		got, err := client.Secret(t.Context(), vault, token, "db", "1")
		if err != nil || got.Value.Len() != len(value) || !got.Enabled || got.Expires != nil {
			t.Errorf("%s: %d bytes, %v", name, got.Value.Len(), err)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want keyvault.JWK
	}{
		"RSA": {`"kty":"RSA-HSM","n":"AQID","e":"AQAB","key_ops":["sign"]`, keyvault.JWK{Type: "RSA-HSM", N: []byte{1, 2, 3}, E: []byte{1, 0, 1}}},
		"EC":  {`"kty":"EC","crv":"P-256","x":"_-8","y":"_-8="`, keyvault.JWK{Type: "EC", Curve: "P-256", X: []byte{255, 239}, Y: []byte{255, 239}}},
		"oct": {`"kty":"oct"`, keyvault.JWK{Type: "oct"}},
	} {
		s := serve(t, says(200, `{"key":{"kid":"https://v.vault.azure.net/keys/k/`+version+`",`+c.body+`},"attributes":{"enabled":true}}`))
		client, vault := vaultOf(t, s)
		got, err := client.Key(t.Context(), vault, token, "k", version)
		want := keyvault.KeyBundle{JWK: c.want, KID: s.URL + "/keys/k/" + version, Version: version}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if r := s.only(t); r.RequestURI != "/keys/k/"+version+"?api-version=7.4" {
			t.Errorf("%s: %s", name, r.RequestURI)
		}
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, `{"id":"https://v.vault.azure.net/certificates/c/`+version+`","cer":"`+base64.StdEncoding.EncodeToString([]byte("der"))+`","sid":"x","kid":"y","x5t":"z","policy":{}}`))
	client, vault := vaultOf(t, s)
	got, err := client.Certificate(t.Context(), vault, token, "c", "")
	want := keyvault.CertificateBundle{DER: []byte("der"), ID: s.URL + "/certificates/c/" + version, Version: version}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if r := s.only(t); r.RequestURI != "/certificates/c/?api-version=7.4" {
		t.Error(r.RequestURI)
	}
}

// read is one of the three reads, as far as errors go.
type read func(ctx context.Context, c *keyvault.Client, v keyvault.Vault, name, version string) error

func readSecret(ctx context.Context, c *keyvault.Client, v keyvault.Vault, name, version string) error {
	_, err := c.Secret(ctx, v, token, name, version)
	return err
}

func readKey(ctx context.Context, c *keyvault.Client, v keyvault.Vault, name, version string) error {
	_, err := c.Key(ctx, v, token, name, version)
	return err
}

func readCertificate(ctx context.Context, c *keyvault.Client, v keyvault.Vault, name, version string) error {
	_, err := c.Certificate(ctx, v, token, name, version)
	return err
}

func readVersions(ctx context.Context, c *keyvault.Client, v keyvault.Vault, name, _ string) error {
	_, err := c.Versions(ctx, v, token, secret.Secret, name, nil)
	return err
}

func TestSuccessesThatAreNone(t *testing.T) {
	t.Parallel()
	const id = `"id":"https://v/secrets/db/1"`
	for body, c := range map[string]struct {
		read read
		want string
	}{
		``:                                 {readSecret, "secret/db: the answer is not the JSON of a secret"},
		`hidden`:                           {readSecret, "not the JSON of a secret"},
		`{"value":"hidden"`:                {readSecret, "not the JSON of a secret"},
		`{"value":["hidden"],` + id + `}`:  {readSecret, "not the JSON of a secret"},
		`{` + id + `}`:                     {readSecret, "secret/db: secret value is nil"},
		`{"value":null,` + id + `}`:        {readSecret, "secret value is nil"},
		`{"value":"hidden"}`:               {readSecret, "secret/db: secret id is nil"},
		`{"value":"hidden","id":""}`:       {readSecret, "secret id is nil"},
		`{"value":"hidden","id":"hidden"}`: {readSecret, "secret id holds no version"},
		`{"value":"hidden","id":"https://v/secrets/db"}`:              {readSecret, "secret id holds no version"},
		`{"value":"hidden","id":"https://v/secrets/db/.."}`:           {readSecret, "secret id holds no version"},
		`{"value":"hidden","id":"https://v/secrets/db/a%2fb"}`:        {readSecret, "secret id holds no version"},
		`{"value":"hidden","id":"https://v/secrets/db/a b"}`:          {readSecret, "secret id holds no version"},
		`{"value":"hidden","id":"https://v/secrets/db/1/2"}`:          {readSecret, "secret id holds no version"},
		`{"value":"hidden","attributes":{"exp":"hidden"},` + id + `}`: {readSecret, "not the JSON of a secret"},
		`{"key":null}`:          {readKey, "key/db: key value is nil"},
		`{"key":{"kty":"RSA"}}`: {readKey, "key/db: key id is nil"},
		`{"key":{"kty":"RSA","n":"***","kid":"https://v/keys/db/1"}}`: {readKey, "not the JSON of a key"},
		`{"id":"https://v/certificates/db/1"}`:                        {readCertificate, "cert/db: certificate value is nil"},
		`{"cer":"aGk="}`:                                              {readCertificate, "cert/db: certificate id is nil"},
		`{"cer":"***","id":"https://v/certificates/db/1"}`:            {readCertificate, "not the JSON of a cert"},
		`{"value":"hidden","nextLink":1}`:                             {readVersions, "not the JSON"},
		`{"value":[{"id":"https://v/secrets/db"}]}`:                   {readVersions, "without a version"},
		`{"value":[{"attributes":{"created":1}}]}`:                    {readVersions, "without a version"},
	} {
		s := serve(t, says(200, body))
		client, vault := vaultOf(t, s)
		refused(t, c.read(t.Context(), client, vault, "db", ""), fault.Unavailable, c.want)
		s.only(t)
	}
}

func TestNamesCannotLeaveTheirPlace(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, `{"value":"v","id":"https://v/secrets/db/1"}`))
	client, vault := vaultOf(t, s)
	for _, c := range []struct{ name, version, uri string }{
		{"a/b", "", "/secrets/a%2Fb/?api-version=7.4"},
		{"a?b", "c#d", "/secrets/a%3Fb/c%23d?api-version=7.4"},
		{"../keys/k", "", "/secrets/..%2Fkeys%2Fk/?api-version=7.4"},
		{"a%2fb", "", "/secrets/a%252fb/?api-version=7.4"},
		{"a b\r\nHost: x", "", "/secrets/a%20b%0D%0AHost:%20x/?api-version=7.4"},
		{"@evil.example", "", "/secrets/@evil.example/?api-version=7.4"},
	} {
		if _, err := client.Secret(t.Context(), vault, token, c.name, c.version); err != nil {
			t.Fatal(err)
		}
		seen := s.requests()
		if got := seen[len(seen)-1].RequestURI; got != c.uri {
			t.Errorf("%q: got %s, want %s", c.name, got, c.uri)
		}
	}
	before := len(s.requests())
	for _, c := range [][2]string{{"", ""}, {".", ""}, {"..", ""}, {"a", ".."}, {strings.Repeat("a", 128), ""}} {
		refused(t, readSecret(t.Context(), client, vault, c[0], c[1]), fault.Invalid)
	}
	refused(t, readVersions(t.Context(), client, vault, "..", ""), fault.Invalid)
	if n := len(s.requests()); n != before {
		t.Errorf("%d requests for names that are none", n-before)
	}
}

func TestParseVault(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://v.vault.azure.net":              "https://v.vault.azure.net",
		"https://V.vault.azure.net:443/":         "https://v.vault.azure.net",
		"https://v.vault.azure.localhost:41233/": "https://v.vault.azure.localhost:41233",
		"":                                       "",
		"http://v.vault.azure.net":               "",
		"https://":                               "",
		"https://:443":                           "",
		"https://user@v.vault.azure.net":         "",
		"https://v.vault.azure.net/secrets":      "",
		"https://v.vault.azure.net?x":            "",
		"https://v.vault.azure.net#x":            "",
		"https://v.vault.azure.net:port":         "",
		"v.vault.azure.net":                      "",
	} {
		v, err := keyvault.ParseVault(address)
		if want == "" && fault.KindOf(err) != fault.Invalid || want != "" && (err != nil || v.String() != want) {
			t.Errorf("%q: got %q, %v", address, v, err)
		}
	}
}

// The zero Vault names no host, so a token has nowhere to go.
func TestNoVault(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, "{}"))
	client, _ := vaultOf(t, s)
	if err := readSecret(t.Context(), client, keyvault.Vault{}, "db", ""); err == nil {
		t.Error("no vault answered")
	}
}

func BenchmarkSecret(b *testing.B) {
	s := serve(b, says(200, `{"value":"p4ssword","id":"https://v/secrets/db/`+version+`","attributes":{"enabled":true}}`))
	client, vault := vaultOf(b, s)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Secret(b.Context(), vault, token, "db", ""); err != nil {
			b.Fatal(err)
		}
	}
}
