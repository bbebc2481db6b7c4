package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Every sort of object becomes the file that the reference promises, of the very bytes that were put into the vault.
func TestFilesHoldWhatTheVaultHolds(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	rsaPair, eccPair := newPair(t, rsaKey(t)), newPair(t, eccKey(t))
	vault := Azure().VaultOf(t, fmt.Sprintf(`
- kind: secret
  name: plain
  versions: [{id: 00000000000000000000000000000001, value: first, created: -48h}, {id: 00000000000000000000000000000002, value: second, created: -24h}, {id: 00000000000000000000000000000003, value: third}]
- {kind: secret, name: sixty-four, versions: [{value: "AAECA/8="}]}
- {kind: secret, name: hex, versions: [{value: 000102ff}]}
- {kind: key, name: rsa, versions: [{value: %[1]q}]}
- {kind: key, name: ecc, versions: [{value: %[2]q}]}
- {kind: key, name: hsm, versions: [{keyType: EC-P384-HSM}]}
- {kind: certificate, name: rsa-cert, versions: [{value: %[3]q, format: pfx}]}
- {kind: certificate, name: ecc-cert, versions: [{value: %[4]q, format: pem}]}
`, rsaPair.keyPEM, eccPair.keyPEM, rsaPair.bundle(), eccPair.bundle()), reader)
	class := WorkloadClass(ns, "class", vault, reader)
	class.Objects = []string{
		object("plain", "secret", ""), object("plain", "secret", "owner", "filePermission", "0400"), object("plain", "secret", "any/0777", "filePermission", "0777"),
		object("plain", "secret", "pinned", "objectVersion", "00000000000000000000000000000001"),
		object("plain", "secret", "history", "objectVersionHistory", "2"),
		object("sixty-four", "secret", "decoded64", "objectEncoding", "base64"), object("sixty-four", "secret", "as-it-is"),
		object("hex", "secret", "decoded16", "objectEncoding", "hex"),
		object("rsa", "key", "rsa.pub"), object("ecc", "key", "ecc.pub"), object("hsm", "key", "hsm.pub"),
		object("rsa-cert", "cert", "rsa.crt"), object("rsa-cert", "secret", "rsa.pem"),
		object("rsa-cert", "secret", "rsa.pfx.txt", "objectFormat", "pfx"), object("rsa-cert", "secret", "rsa.pfx", "objectFormat", "pfx", "objectEncoding", "base64"),
		object("rsa-cert", "key", "rsa-cert.pub"),
		object("ecc-cert", "cert", "ecc.crt"), object("ecc-cert", "secret", "ecc.pem"),
	}
	class.Apply(t)
	pod := Run(t, Pod(ns, "web", Mounting("class"), Token("api://AzureADTokenExchange")))

	for path, want := range map[string]string{
		"plain": "third", "owner": "third", "any/0777": "third", "pinned": "first", "history/0": "third", "history/1": "second",
		"decoded64": "\x00\x01\x02\x03\xff", "as-it-is": "AAECA/8=", "decoded16": "\x00\x01\x02\xff",
	} {
		if got := fileOf(t, pod, "class", path); got != want {
			t.Errorf("%s is %q, not %q", path, got, want)
		}
	}
	if _, err := os.Stat(filepath.Join(Target(pod, "class"), "history", "2")); err == nil {
		t.Error("the history is longer than it was asked for")
	}
	for path, want := range map[string]string{"plain": "644\n", "owner": "400\n", "any/0777": "777\n", "rsa.pem": "644\n", "history/1": "644\n"} {
		if got := Exec(t, ns, "web", "stat", "-L", "-c", "%a", "/mnt/class/"+path); got != want {
			t.Errorf("the mode of %s is %s", path, got)
		}
	}
	for path, pair := range map[string]pair{"rsa.pub": rsaPair, "ecc.pub": eccPair, "rsa-cert.pub": rsaPair} {
		if got, ok := publicKey(t, fileOf(t, pod, "class", path)).(interface{ Equal(crypto.PublicKey) bool }); !ok || !got.Equal(pair.public()) {
			t.Errorf("%s holds another key", path)
		}
	}
	if got, ok := publicKey(t, fileOf(t, pod, "class", "hsm.pub")).(*ecdsa.PublicKey); !ok || got.Curve != elliptic.P384() {
		t.Error("hsm.pub holds no key on P-384")
	}
	for name, pair := range map[string]pair{"rsa": rsaPair, "ecc": eccPair} {
		if got := fileOf(t, pod, "class", name+".crt"); got != pair.certificatePEM {
			t.Errorf("%s.crt is\n%s", name, got)
		}
		pair.isBundle(t, fileOf(t, pod, "class", name+".pem"))
	}

	// What no text of the test tells is what the vault answers.
	access, err := Azure().Exchange(t.Context(), reader.ClientID, Exec(t, ns, "web", "cat", "/var/run/tokens/token"))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := vault.Get(t, "rsa-cert", access)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		t.Fatal(err)
	}
	if fileOf(t, pod, "class", "rsa.pfx.txt") != stored || fileOf(t, pod, "class", "rsa.pfx") != string(raw) {
		t.Error("the PKCS#12 is not the vault's")
	}
}

// object is an entry of a class; an empty alias is none, and further pairs are other fields.
func object(name, kind, alias string, fields ...string) string {
	text := "objectName: " + name + "\nobjectType: " + kind + "\n"
	if alias != "" {
		text += "objectAlias: " + alias + "\n"
	}
	for i := 0; i+1 < len(fields); i += 2 {
		text += fmt.Sprintf("%s: %q\n", fields[i], fields[i+1])
	}
	return text
}

// fileOf reads a file of a pod's volume on the node.
func fileOf(t *testing.T, pod *corev1.Pod, volume, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Target(pod, volume), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func publicKey(t *testing.T, text string) crypto.PublicKey {
	t.Helper()
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		t.Fatalf("no public key: %q", text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pair is a key and a certificate that it signed itself.
type pair struct {
	signer                 crypto.Signer
	keyPEM, certificatePEM string
}

func (p pair) public() crypto.PublicKey { return p.signer.Public() }
func (p pair) bundle() string           { return p.keyPEM + p.certificatePEM }

func newPair(t *testing.T, key crypto.Signer) pair {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return pair{key, text("PRIVATE KEY", private), text("CERTIFICATE", certificate)}
}

func rsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func eccKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// isBundle: the key first, then the certificate, and nothing else.
func (p pair) isBundle(t *testing.T, text string) {
	t.Helper()
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PRIVATE KEY" {
		t.Errorf("it does not begin with the key")
		return
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if same, ok := key.(interface{ Equal(crypto.PrivateKey) bool }); !ok || !same.Equal(p.signer) {
		t.Error("it is another key")
	}
	if string(rest) != p.certificatePEM {
		t.Errorf("behind the key stands\n%s", rest)
	}
}
