package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// stock is a vault's: certificates of every kind that it makes, a key, and a secret that has a past.
const stock = `
- {kind: certificate, name: rsa-pem, versions: [{format: pem, keyType: RSA-2048, dnsNames: [shop.example], chain: 1, root: true, shuffle: true}]}
- {kind: certificate, name: rsa-pfx, versions: [{format: pfx, keyType: RSA-2048, dnsNames: [shop.example], chain: 1}]}
- {kind: certificate, name: rsa-modern, versions: [{format: pfx, encoding: modern, keyType: RSA-3072, dnsNames: [shop.example]}]}
- {kind: certificate, name: ec-pem, versions: [{format: pem, keyType: EC-P256, dnsNames: [shop.example]}]}
- {kind: certificate, name: ec-pfx, versions: [{format: pfx, keyType: EC-P384, dnsNames: [shop.example]}]}
- {kind: key, name: key1, versions: [{keyType: RSA-2048}]}
- {kind: secret, name: history, versions: [{value: oldest, created: -48h}, {value: older, created: -24h}, {value: newer, created: -1h}]}
`

// ed25519PEM is a key with its certificate, which vaults make none of: it is stored as an ordinary secret.
func ed25519PEM(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"shop.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Certificates of every kind, as the vault hands them out and as PKCS#12, become TLS Secrets that a server can use.
func TestEveryCertificateBecomesATLSSecret(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().VaultOf(t, stock, reader)
	vault.Set(t, "ed", ed25519PEM(t))
	keys := map[string]any{"rsa-pem": &rsa.PrivateKey{}, "rsa-pfx": &rsa.PrivateKey{}, "rsa-modern": &rsa.PrivateKey{},
		"ec-pem": &ecdsa.PrivateKey{}, "ec-pfx": &ecdsa.PrivateKey{}, "ed": ed25519.PrivateKey{}}
	class := WorkloadClass(ns, "class", vault, reader)
	wanted := map[string]any{}
	for name, key := range keys {
		variants := map[string]string{name: "", name + "-12": "objectFormat: pfx\n", name + "-12b": "objectFormat: pfx\nobjectEncoding: base64\n"}
		if name == "ed" {
			variants = map[string]string{"ed": ""}
		}
		for alias, how := range variants {
			class.Objects = append(class.Objects, "objectName: "+name+"\nobjectType: secret\nobjectAlias: "+alias+"\n"+how)
			class.SecretObjects += fmt.Sprintf("- {secretName: %s, type: kubernetes.io/tls, data: [{objectName: %[1]s, key: tls.crt}, {objectName: %[1]s, key: tls.key}]}\n", alias)
			wanted[alias] = key
		}
	}
	class.Apply(t)
	Run(t, Pod(ns, "web", Mounting("class")))
	for name, key := range wanted {
		secret := AwaitSecret(t, ns, name, Present)
		pair, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
		if err != nil || secret.Type != corev1.SecretTypeTLS {
			t.Errorf("%s, of type %s: %v", name, secret.Type, err)
			continue
		}
		if reflect.TypeOf(pair.PrivateKey) != reflect.TypeOf(key) {
			t.Errorf("%s: a %T", name, pair.PrivateKey)
		}
		if curve := "ec-pfx"; strings.HasPrefix(name, curve) && pair.PrivateKey.(*ecdsa.PrivateKey).Curve != elliptic.P384() {
			t.Errorf("%s: another curve", name)
		}
		if err := pair.Leaf.VerifyHostname("shop.example"); err != nil {
			t.Errorf("%s: its first certificate is not the server's: %v", name, err)
		}
		MustBeOurs(t, secret)
	}
}

// Keys, certificates and secrets, also of a version history, become what the class says; labels and annotations come
// along.
func TestSecretsHoldWhatTheClassSays(t *testing.T) {
	t.Parallel()
	Install(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().VaultOf(t, stock, reader)
	const registry = `{"auths":{"registry.example":{"auth":"dTpw"}}}`
	vault.Set(t, "registry", registry)
	class := WorkloadClass(ns, "class", vault, reader, "registry")
	class.Objects = append(class.Objects, "objectName: history\nobjectType: secret\nobjectVersionHistory: 2\n",
		"objectName: key1\nobjectType: key\n", "objectName: rsa-pem\nobjectType: cert\n", "objectName: rsa-pem\nobjectType: secret\nobjectAlias: bundle\n")
	class.SecretObjects = `
- {secretName: pull, type: kubernetes.io/dockerconfigjson, data: [{objectName: registry, key: .dockerconfigjson}]}
- secretName: mixed
  type: Opaque
  labels: {team: shop}
  annotations: {example.com/purpose: "the shop's"}
  data: [{objectName: " history/0 ", key: now}, {objectName: history/1, key: before}, {objectName: key1, key: public}, {objectName: rsa-pem, key: certificate}]
- {secretName: login, type: kubernetes.io/basic-auth, data: [{objectName: history/0, key: password}]}
- {secretName: server, type: kubernetes.io/tls, data: [{objectName: bundle, key: tls.crt}, {objectName: bundle, key: tls.key}, {objectName: bundle, key: ca.crt}]}
`
	class.Apply(t)
	Run(t, Pod(ns, "web", Mounting("class")))
	pull := AwaitSecret(t, ns, "pull", Holds(".dockerconfigjson", registry))
	if pull.Type != corev1.SecretTypeDockerConfigJson {
		t.Errorf("%s", pull.Type)
	}
	mixed := AwaitSecret(t, ns, "mixed", Holds("now", "newer"))
	if string(mixed.Data["before"]) != "older" || mixed.Labels["team"] != "shop" || mixed.Annotations["example.com/purpose"] != "the shop's" {
		t.Errorf("%q, %v, %v", mixed.Data["before"], mixed.Labels, mixed.Annotations)
	}
	for key, kind := range map[string]string{"public": "PUBLIC KEY", "certificate": "CERTIFICATE"} {
		if block, _ := pem.Decode(mixed.Data[key]); block == nil || block.Type != kind {
			t.Errorf("%s is no %s: %q", key, kind, mixed.Data[key])
		}
	}
	if file := Exec(t, ns, "web", "base64", "/mnt/class/key1"); !bytes.Equal(decoded(t, file), mixed.Data["public"]) {
		t.Error("the key's file and the Secret differ")
	}
	AwaitSecret(t, ns, "login", Holds("password", "newer"))
	server := AwaitSecret(t, ns, "server", Present)
	if block, _ := pem.Decode(server.Data["ca.crt"]); block == nil {
		t.Errorf("no authority: %q", server.Data["ca.crt"])
	}
	for _, secret := range []*corev1.Secret{pull, mixed, server} {
		MustBeOurs(t, secret)
	}
}

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	value, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
