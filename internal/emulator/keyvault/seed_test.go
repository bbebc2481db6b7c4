package keyvault_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

const seeds = `
- kind: secret
  name: db
  versions:
    - {id: 00000000000000000000000000000001, value: 12345, created: 2029-01-01}
    - {id: 00000000000000000000000000000002, value: two, contentType: text/plain, exp: -1h, tags: {team: red}}
    - {value: three, enabled: false}
- {kind: secret, name: random, versions: [{generate: 40}]}
- {kind: secret, name: gone, deleted: true}
- {kind: key, name: rsa, versions: [{keyType: RSA-2048}]}
- {kind: key, name: oct, versions: [{keyType: oct-128, exportable: true}]}
- kind: cert
  name: chained
  versions:
    - {format: pem, chain: 2, root: true, dnsNames: [www.example.com], subject: "CN=www.example.com, O=Example"}
- {kind: certificate, name: shuffled, versions: [{format: pem, chain: 2, root: true, shuffle: true}]}
- {kind: certificate, name: legacy, versions: [{keyType: RSA-2048, chain: 1}]}
- {kind: certificate, name: modern, versions: [{encoding: modern, chain: 1}]}
- {kind: certificate, name: kept, versions: [{exportable: false, format: pem}]}
- {kind: certificate, name: expired, versions: [{nbf: -48h, exp: -24h}]}
`

func seeded(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, keyvault.Traits{})
	var objects []keyvault.Object
	must(t, yaml.Unmarshal([]byte(seeds), &objects))
	must(t, w.kv.Seed("v1", objects))
	return w
}

// TestSeeds reads a state file's objects back over the wire.
func TestSeeds(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	one := w.done("GET", "/secrets/db/00000000000000000000000000000001", "")
	equal(t, "a number is its text", one.body["value"], any("12345"))
	created := time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	equal(t, "created", one.body["attributes"].(map[string]any)["created"], any(float64(created)))
	two := w.done("GET", "/secrets/db/00000000000000000000000000000002", "")
	equal(t, "content type", two.body["contentType"], any("text/plain"))
	equal(t, "expired", two.body["attributes"].(map[string]any)["exp"], any(float64(w.clock.Now().Add(-time.Hour).Unix())))
	equal(t, "latest is disabled", w.send("GET", "/secrets/db", "").status, 403)
	equal(t, "random", len(w.done("GET", "/secrets/random", "").body["value"].(string)), 40)
	w.done("GET", "/deletedsecrets/gone", "")
	equal(t, "rsa", w.done("GET", "/keys/rsa", "").body["key"].(map[string]any)["kty"], any("RSA"))
	equal(t, "expired certificate", w.done("GET", "/certificates/expired", "").body["attributes"].(map[string]any)["exp"],
		any(float64(w.clock.Now().Add(-24*time.Hour).Unix())))
}

// TestSeededPEM: the key first, then a chain that holds, in order or deliberately out of it.
func TestSeededPEM(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	for name, wantLeaf := range map[string]int{"chained": 0, "shuffled": 3} {
		text := w.done("GET", "/secrets/"+name, "").body["value"].(string)
		block, rest := pem.Decode([]byte(text))
		equal(t, "first block", block.Type, "PRIVATE KEY")
		var certs []*x509.Certificate
		for block, rest = pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
			c, err := x509.ParseCertificate(block.Bytes)
			must(t, err)
			certs = append(certs, c)
		}
		equal(t, "certificates", len(certs), 4)
		leaf := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return !c.IsCA })
		equal(t, name+": place of the leaf", leaf, wantLeaf)
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		for _, c := range certs {
			between.AddCert(c)
			if c.Subject.String() == c.Issuer.String() {
				roots.AddCert(c)
			}
		}
		chains, err := certs[leaf].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: w.clock.Now()})
		must(t, err)
		equal(t, "length of the chain", len(chains[0]), 4)
	}
	kept := w.done("GET", "/secrets/kept", "").body["value"].(string)
	equal(t, "private key kept back", strings.Contains(kept, "PRIVATE"), false)
}

// TestSeededPFX: both encodings open with an empty password, and the modern one is not the legacy one.
func TestSeededPFX(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	pbes2 := "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d" // the object identifier of PKCS#5's second scheme
	for name, modern := range map[string]bool{"legacy": false, "modern": true} {
		r := w.done("GET", "/secrets/"+name, "")
		equal(t, "content type", r.body["contentType"], any("application/x-pkcs12"))
		pfx, err := base64.StdEncoding.DecodeString(r.body["value"].(string))
		must(t, err)
		_, leaf, rest, err := pkcs12.DecodeChain(pfx, "")
		must(t, err)
		equal(t, "leaf", leaf.Subject.CommonName, name)
		equal(t, "intermediates", len(rest), 1)
		equal(t, "modern", strings.Contains(string(pfx), pbes2), modern)
	}
}

// TestSeededBrought takes a certificate as PEM, and as PKCS#12 with a password, and a key as PEM.
func TestSeededBrought(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	key, leaf := ownCertificate(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	keyText := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	text := keyText + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	pfx, err := pkcs12.Modern.Encode(key, leaf, nil, "open sesame")
	must(t, err)
	version := func(v keyvault.Version) []keyvault.Version { return []keyvault.Version{v} }
	must(t, w.kv.Seed("v1", []keyvault.Object{
		{Kind: "cert", Name: "pem", Versions: version(keyvault.Version{Value: keyvault.TextOf(text), Format: "pem"})},
		{Kind: "cert", Name: "pfx", Versions: version(keyvault.Version{Format: "pem", Password: keyvault.TextOf("open sesame"),
			Value: keyvault.TextOf(base64.StdEncoding.EncodeToString(pfx))})},
		{Kind: "key", Name: "key", Versions: version(keyvault.Version{Value: keyvault.TextOf(keyText)})},
	}))
	for _, name := range []string{"pem", "pfx"} {
		equal(t, name, w.done("GET", "/secrets/"+name, "").body["value"], any(text))
		attributes := w.done("GET", "/certificates/"+name, "").body["attributes"].(map[string]any)
		equal(t, "expiry", attributes["exp"], any(float64(leaf.NotAfter.Unix())))
	}
	equal(t, "curve", w.done("GET", "/keys/key", "").body["key"].(map[string]any)["crv"], any("P-256"))
}

// TestSeedAsks for everything to be right, tells all that is not, and then leaves the vault as it was.
func TestSeedAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	must(t, w.kv.Seed("v1", []keyvault.Object{{Kind: "secret", Name: "there"}}))
	version := func(v keyvault.Version) []keyvault.Version { return []keyvault.Version{v} }
	bad := []keyvault.Object{
		{Kind: "poem", Name: "a"},
		{Kind: "secret", Name: "under_score"},
		{Kind: "secret", Name: "b", Versions: version(keyvault.Version{KeyType: "RSA-2048"})},
		{Kind: "secret", Name: "c", Versions: version(keyvault.Version{ID: "1"})},
		{Kind: "secret", Name: "d", Versions: version(keyvault.Version{Generate: 30000})},
		{Kind: "key", Name: "e", Versions: version(keyvault.Version{KeyType: "RSA-17"})},
		{Kind: "key", Name: "f", Versions: version(keyvault.Version{Value: keyvault.TextOf("no PEM")})},
		{Kind: "cert", Name: "g", Versions: version(keyvault.Version{Format: "der"})},
		{Kind: "cert", Name: "h", Versions: version(keyvault.Version{Value: keyvault.TextOf("!")})},
		{Kind: "cert", Name: "i", Versions: version(keyvault.Version{KeyType: "oct-256"})},
		{Kind: "cert", Name: "j", Versions: version(keyvault.Version{Chain: 99})},
		{Kind: "cert", Name: "k", Versions: version(keyvault.Version{Subject: "nonsense"})},
		{Kind: "cert", Name: "l", Versions: version(keyvault.Version{NotBefore: keyvault.In(time.Hour), Expires: keyvault.In(-time.Hour)})},
		{Kind: "cert", Name: "there"},
		{Kind: "secret", Name: "twice"}, {Kind: "secret", Name: "TWICE"},
	}
	good := keyvault.Object{Kind: "secret", Name: "good"}
	err := w.kv.Seed("v1", append(bad, good))
	equal(t, "kind", fault.KindOf(err), fault.Invalid)
	for _, o := range bad[:len(bad)-2] {
		if !strings.Contains(err.Error(), o.Kind+" "+o.Name) && !strings.Contains(err.Error(), "certificate "+o.Name) {
			t.Errorf("%s %s is not told of in %q", o.Kind, o.Name, err)
		}
	}
	equal(t, "nothing was seeded", w.send("GET", "/secrets/good", "").status, 404)
	equal(t, "no vault", fault.KindOf(w.kv.Seed("none", nil)), fault.NotFound)
	var i keyvault.Instant
	equal(t, "bad time", fault.KindOf(i.UnmarshalText([]byte("tomorrow"))), fault.Invalid)
}

// TestSeedReplaces an object of the same name, versions and all.
func TestSeedReplaces(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	for range 2 {
		must(t, w.kv.Seed("v1", []keyvault.Object{{Kind: "cert", Name: "chained"}, {Kind: "secret", Name: "gone"}}))
	}
	ids, err := w.kv.Versions("v1", keyvault.Secrets, "chained")
	must(t, err)
	equal(t, "versions", len(ids), 1)
	w.done("GET", "/secrets/gone", "")
}

// TestSeedsDoNotPrint: the values in a seed keep to themselves.
func TestSeedsDoNotPrint(t *testing.T) {
	t.Parallel()
	raw, err := yaml.Marshal(keyvault.Version{Value: keyvault.TextOf("planted")})
	must(t, err)
	equal(t, "planted", strings.Contains(string(raw), "planted"), false)
}

// TestByHand is what tests and demos do without the wire.
func TestByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	for _, value := range []string{"one", "two"} {
		_, err := w.kv.SetSecret("v1", "s", secret.NewValue([]byte(value)))
		must(t, err)
	}
	ids, err := w.kv.Versions("v1", keyvault.Secrets, "s")
	must(t, err)
	equal(t, "versions", len(ids), 2)
	got := w.done("GET", "/secrets/s", "")
	equal(t, "value", got.body["value"], any("two"))
	equal(t, "id", got.body["id"], any(w.url()+"/secrets/s/"+ids[1]))

	must(t, w.kv.Disable("v1", keyvault.Secrets, "s"))
	equal(t, "disabled", w.send("GET", "/secrets/s", "").status, 403)
	must(t, w.kv.SetEnabled("v1", keyvault.Secrets, "s", true))
	must(t, w.kv.Delete("v1", keyvault.Secrets, "s"))
	equal(t, "deleted", fault.KindOf(w.kv.Disable("v1", keyvault.Secrets, "s")), fault.NotFound)
	_, err = w.kv.SetSecret("v1", "s", secret.Value{})
	equal(t, "taken", fault.KindOf(err), fault.Busy)
	must(t, w.kv.Recover("v1", keyvault.Secrets, "s"))
	w.done("GET", "/secrets/s", "")
	_, err = w.kv.SetSecret("none", "s", secret.Value{})
	equal(t, "no vault", fault.KindOf(err), fault.NotFound)
	_, err = w.kv.SetSecret("v1", "under_score", secret.Value{})
	equal(t, "bad name", fault.KindOf(err), fault.Invalid)
}

// TestShape checks traits and changes them under way.
func TestShape(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	equal(t, "retention", fault.KindOf(w.kv.Shape("v1", keyvault.Traits{RetentionDays: 3})), fault.Invalid)
	equal(t, "encoding", fault.KindOf(w.kv.Shape("v1", keyvault.Traits{Encoding: "quaint"})), fault.Invalid)
	equal(t, "no vault", fault.KindOf(w.kv.Shape("none", keyvault.Traits{})), fault.NotFound)
	must(t, w.kv.Shape("v1", keyvault.Traits{RetentionDays: 7}))
	set := w.done("PUT", "/secrets/s", `{"value":""}`)
	equal(t, "days", set.body["attributes"].(map[string]any)["recoverableDays"], any(float64(7)))
}
