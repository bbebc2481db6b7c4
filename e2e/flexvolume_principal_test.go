package e2e

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"strongroom/e2e/azure"
)

// principalPod has two volumes of a service principal: old values of a secret, a certificate, and keys in both forms.
const principalPod = `# Kept by the migration, as every byte that is no FlexVolume.
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext: {runAsUser: 1234, runAsGroup: 1234, runAsNonRoot: true, fsGroup: 2000}
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: %s
    imagePullPolicy: Never
    command: ["sh", "-c", %q]
    volumeMounts:
    - {name: several, mountPath: /kvmnt, readOnly: true}
    - {name: keys, mountPath: /keys, readOnly: true}
  volumes:
  - name: several
    flexVolume:
      driver: azure/kv
      secretRef:
        name: kvcreds
      options:
        usepodidentity: "false"
        usevmmanagedidentity: "false"
        keyvaultname: %[3]s
        keyvaultobjectnames: "db;db;tls;tls;rsa"
        keyvaultobjecttypes: secret;secret;cert;secret;key
        keyvaultobjectversions: ";%[4]s;;;"
        keyvaultobjectaliases: "DB;db before;tls.der;tls.pem;modulus"
        keyformat: modulus
        tenantid: %[5]s
  - name: keys
    flexVolume:
      driver: azure/kv
      secretRef:
        name: kvcreds
      options:
        KeyVaultName: %[3]s
        keyvaultobjectnames: "rsa;ec"
        keyvaultobjecttypes: key;key
        tenantid: %[5]s
`

// A service principal whose Secret the pod names: several objects of every type in one volume, versions and aliases, each
// file what the original wrote. Processes of any user read them by the pod's group, and nobody else does. As a
// SecretProviderClass the bytes are the same.
func TestTheFlexVolumeOfAServicePrincipal(t *testing.T) {
	longForm(t)
	t.Parallel()
	FlexVolume(t)
	ns := PodSpace(t)
	app := Azure().Application(t)
	server := newPair(t, rsaKey(t))
	vault := Azure().VaultOf(t, "- {kind: certificate, name: tls, versions: [{value: "+strconv.Quote(server.bundle())+", format: pem}]}\n"+
		"- {kind: key, name: rsa, versions: [{keyType: RSA-2048}]}\n- {kind: key, name: ec, versions: [{keyType: EC-P256}]}\n", app)
	old := vault.Set(t, "db", "before")
	value := "two  blanks, a \"quote\", * and $(echo),\na line\n" + strings.Repeat("long ", 4000)
	vault.Set(t, "db", value)
	FlexCredentials(t, ns, app)
	manifest := fmt.Sprintf(principalPod, Image, Idle, vault.Name, old, azure.Tenant)
	CreateIn(t, ns, manifest)
	pod := AwaitReady(t, ns, "web")

	several, keys := Contents(t, FlexTarget(pod, "several")), Contents(t, FlexTarget(pod, "keys"))
	certificate, _ := pem.Decode([]byte(server.certificatePEM))
	want := map[string]string{"DB": value, "db before": "before", "tls.der": string(certificate.Bytes), "tls.pem": several["tls.pem"], "modulus": modulusOf(t, keys["rsa"])}
	if !maps.Equal(several, want) {
		t.Errorf("the volume holds %q, not %q", several, want)
	}
	server.isBundle(t, several["tls.pem"])
	if block, _ := pem.Decode([]byte(keys["ec"])); block == nil || block.Type != "PUBLIC KEY" || len(keys) != 2 {
		t.Errorf("the keys are %q", keys)
	}
	if got := Exec(t, ns, pod.Name, "cat", "/kvmnt/DB"); got != value {
		t.Errorf("in the pod it is %q", got)
	}
	if got := Exec(t, ns, pod.Name, "sh", "-c", "id -u; stat -L -c '%a %u %g' /kvmnt/DB /keys/ec"); got != "1234\n640 0 2000\n640 0 2000\n" {
		t.Errorf("user, modes and owners: %q", got)
	}
	if _, err := TryExec(t, ns, pod.Name, "touch", "/kvmnt/new"); err == nil {
		t.Error("the pod may write into its volume")
	}
	Remove(t, ns, pod.Name)
	unmountedFlex(t, pod)

	CreateIn(t, ns, Migrated(t, manifest))
	moved := AwaitReady(t, ns, "web")
	for volume, before := range map[string]map[string]string{"several": several, "keys": keys} {
		if got := Contents(t, Target(moved, volume)); !maps.Equal(got, before) {
			t.Errorf("migrated, %s holds %q, not %q", volume, got, before)
		}
	}
	if got := Exec(t, ns, moved.Name, "sh", "-c", "cat '/kvmnt/db before'; stat -L -c ' %a %u %g' /kvmnt/DB"); got != "before 640 0 2000\n" {
		t.Errorf("migrated, the pod reads %q", got)
	}
}

// modulusOf is what the original wrote of a key, from its PEM.
func modulusOf(t *testing.T, text string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no PEM: %q", text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(key.(*rsa.PublicKey).N.Bytes())
}

// What cannot be mounted says why and what mends it in the pod's event, and leaves nothing on the node; a value of the
// Secret is nowhere.
func TestAFlexVolumeThatFailsSaysWhy(t *testing.T) {
	longForm(t)
	t.Parallel()
	FlexVolume(t)
	ns := PodSpace(t)
	app := Azure().Application(t)
	vault := Azure().Vault(t, app)
	vault.Set(t, "db", "one")
	FlexCredentials(t, ns, app)
	for name, tried := range map[string]struct {
		options []string
		words   []string
	}{
		"missing":  {flexSecrets(vault, "none"), []string{"failed to get objectType:secret, objectName:none", "none"}},
		"climbing": {flexSecrets(vault, "db", "keyvaultobjectaliases", "../../db"), []string{"../../db", "separator"}},
		"counts":   {flexSecrets(vault, "db", "keyvaultobjectversions", "a;b"), []string{"counts must be equal"}},
		"vault":    {flexSecrets(azure.Vault{Name: "evil.example/#"}, "db"), []string{"evil.example/#"}},
	} {
		pod := Create(t, Pod(ns, name, FlexMounting("kv", "kvcreds", tried.options...)))
		event := AwaitEvent(t, ns, name, "FailedMount", tried.words...)
		if strings.Contains(event.Message, app.Secret) {
			t.Errorf("%s: the event tells the secret", name)
		}
		if got := Mounts(t, string(pod.UID)+"/volumes/azure~kv"); len(got) > 0 {
			t.Errorf("%s: mounted %q", name, got)
		}
	}
}
