package cli_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"strongroom/internal/cli"
	"strongroom/internal/emulator"
	"strongroom/internal/flexvolume"
	"strongroom/internal/secret"
)

const flexWorld = `
tenants: [{id: 2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10, domain: contoso.example}]
applications:
- name: app
  clientId: 9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01
  secrets: [{name: one, value: "planted credential", expires: 2100-01-01T00:00:00Z}]
identities: [{name: uami, clientId: 4c8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502}]
nodes: [{name: node-1, systemAssigned: true, identities: [uami]}]
podBindings: [{namespace: shop, pod: bound, identity: uami}]
vaults:
- name: flex-kv
  policies:
  - {principal: app, secrets: [get], keys: [get], certificates: [get]}
  - {principal: uami, secrets: [get]}
  - {principal: node-1, secrets: [get]}
  objects:
  - {kind: secret, name: db, versions: [{value: "an older planted", id: 00000000000000000000000000000001, created: -2h}, {value: "a planted value with blanks", created: -1h}]}
  - {kind: key, name: rsa, versions: [{keyType: RSA-2048}]}
  - {kind: key, name: ec, versions: [{keyType: EC-P256}]}
  - {kind: certificate, name: tls, versions: [{subject: CN=shop.contoso.example}]}
`

// flexNode is a machine whose kubelet knows the driver azure/kv.
type flexNode struct {
	dir, log, settings, socket string
	azure                      *emulator.Emulator
	set                        map[string]string // the operator's settings
}

func newFlexNode(t *testing.T) *flexNode {
	t.Helper()
	dir, err := os.MkdirTemp("", "sr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n := &flexNode{dir: dir, log: filepath.Join(dir, "kv.log"), settings: filepath.Join(dir, "kv.json"), socket: filepath.Join(dir, "azure.sock"), azure: startAzureOf(t, []byte(flexWorld))}
	ends := n.azure.Endpoints()
	for name, text := range map[string][]byte{"ca.pem": n.azure.CA(), "cloud.json": n.azure.CloudFile()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.set = map[string]string{
		"ca-file": "ca.pem", "cloud-file": "cloud.json", "imds-endpoint": ends.IMDS["node-1"], "nmi-endpoint": ends.NMI,
		"volumes": "plain", "log-file": n.log, "provider-volume": dir, "additional-provider-volume-paths": "",
	}
	t.Cleanup(func() { n.saidNothing(t) })
	return n
}

// serve starts the node's provider.
func (n *flexNode) serve(t *testing.T, args ...string) *program {
	t.Helper()
	ends := n.azure.Endpoints()
	return start(t, append([]string{"provider", "--endpoint", "unix://" + n.socket, "--ca-file", filepath.Join(n.dir, "ca.pem"),
		"--cloud-file", filepath.Join(n.dir, "cloud.json"), "--imds-endpoint", ends.IMDS["node-1"], "--nmi-endpoint", ends.NMI,
		"--healthz-port", "-1", "--prometheus-port", "-1"}, args...)...)
}

// target is a volume's directory in a kubelet's tree, with the pod's own directory there already.
func (n *flexNode) target(t *testing.T, uid string) string {
	t.Helper()
	pod := filepath.Join(n.dir, "pods", uid)
	if err := os.MkdirAll(pod, 0o750); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(pod, "volumes", "azure~kv", "vol")
}

// call runs the program as a kubelet does, and reads what it says as one does: both outputs as one JSON object.
func (n *flexNode) call(t *testing.T, args ...string) (flexvolume.Answer, int) {
	t.Helper()
	text, err := json.Marshal(n.set)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.settings, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var both bytes.Buffer
	code := cli.Run(t.Context(), cli.Process{
		Args: append([]string{"flexvolume", "--settings", n.settings}, args...), Stdout: &both, Stderr: &both, Getenv: func(string) string { return "" },
	})
	var answer flexvolume.Answer
	if err := json.Unmarshal(both.Bytes(), &answer); err != nil {
		t.Fatalf("a kubelet cannot read %q: %v", both.String(), err)
	}
	if strings.Contains(both.String(), "planted") {
		t.Errorf("the answer tells a secret: %s", both.String())
	}
	return answer, code
}

// options are a volume's, with what a kubelet adds; pairs replace, and an empty value removes.
func options(uid string, pairs ...string) string {
	all := map[string]string{
		"keyvaultname": "flex-kv", "keyvaultobjectnames": "db", "keyvaultobjecttypes": "secret", "tenantid": "2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10",
		"kubernetes.io/fsType": "", "kubernetes.io/readwrite": "rw", "kubernetes.io/pvOrVolumeName": "vol", "kubernetes.io/pod.name": "bound",
		"kubernetes.io/pod.namespace": "shop", "kubernetes.io/pod.uid": uid, "kubernetes.io/serviceAccount.name": "default",
	}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
		if pairs[i+1] == "" {
			delete(all, pairs[i])
		}
	}
	text, _ := json.Marshal(all)
	return string(text)
}

// principal is what a kubelet makes of the Secret kvcreds.
func principal(pairs ...string) []string {
	return append([]string{
		"kubernetes.io/secret/clientid", base64.StdEncoding.EncodeToString([]byte("9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01")),
		"kubernetes.io/secret/clientsecret", base64.StdEncoding.EncodeToString([]byte("planted credential")),
	}, pairs...)
}

func (n *flexNode) mounts(t *testing.T, uid string, pairs ...string) string {
	t.Helper()
	target := n.target(t, uid)
	if answer, code := n.call(t, "mount", target, options(uid, pairs...)); answer.Status != flexvolume.Success || code != 0 {
		t.Fatalf("%+v, exit code %d", answer, code)
	}
	return target
}

// refuses wants a failure that says this, and nothing left of the volume.
func (n *flexNode) refuses(t *testing.T, uid, want string, pairs ...string) {
	t.Helper()
	target := n.target(t, uid)
	if err := os.MkdirAll(target, 0o750); err != nil { // as the kubelet does
		t.Fatal(err)
	}
	answer, _ := n.call(t, "mount", target, options(uid, pairs...))
	if answer.Status != flexvolume.Failure || !strings.Contains(answer.Message, want) {
		t.Errorf("%q, want %q", answer.Message, want)
	}
	if _, err := os.Lstat(target); !os.IsNotExist(err) {
		t.Errorf("something was left at the target: %v", err)
	}
}

func (n *flexNode) reads(t *testing.T, target, name, want string) {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(target, name)); err != nil || string(text) != want {
		t.Errorf("%s holds %q, %v; want %q", name, text, err, want)
	}
}

// saidNothing looks for secrets and tokens in the log.
func (n *flexNode) saidNothing(t *testing.T) {
	text, err := os.ReadFile(n.log)
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	for _, value := range []string{"planted", "eyJ", base64.StdEncoding.EncodeToString([]byte("planted credential"))} {
		if strings.Contains(string(text), value) {
			t.Errorf("the log says %q:\n%s", value, text)
		}
	}
}

const value = "a planted value with blanks"

// Every way to be somebody, with the node's provider and without.
func TestTheFlexVolumeMountsAsEveryIdentity(t *testing.T) {
	t.Parallel()
	for way, serve := range map[string]bool{"by the provider": true, "by itself": false} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			n := newFlexNode(t)
			if serve {
				n.serve(t)
				n.azure.ResetRequests()
			}
			for uid, pairs := range map[string][]string{
				"sp":   principal(),
				"pod":  {"usepodidentity", "true", "resourcegroup", "rg", "subscriptionid", "s"},
				"uami": {"usevmmanagedidentity", "true", "vmmanagedidentityclientid", "4c8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502"},
				"sami": {"UseVMManagedIdentity", "TRUE"},
			} {
				n.reads(t, n.mounts(t, uid, pairs...), "db", value)
			}
			log, err := os.ReadFile(n.log)
			for _, want := range []string{"option resourcegroup has no effect any more", "identity=\"managed-identity (system-assigned)", "pod=shop/bound", "tokenCalls=1"} {
				if err != nil || !strings.Contains(string(log), want) {
					t.Errorf("the log lacks %q, %v:\n%s", want, err, log)
				}
			}
		})
	}
}

// The page that people followed: singular names, a version, and what has had no effect for long.
func TestTheFlexVolumeTakesTheOldSpellings(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	target := n.mounts(t, "a", "usepodidentity", "true", "resourcegroup", "rg", "subscriptionid", "s", "keyvaultobjectnames", "", "keyvaultobjecttypes", "",
		"keyvaultobjectname", "db", "keyvaultobjecttype", "secret", "keyvaultobjectversion", "00000000000000000000000000000001")
	n.reads(t, target, "db", "an older planted")
}

func TestTheFlexVolumeWritesEveryTypeAsTheOriginalDid(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	large := strings.Repeat("planted\x00\xff ", 1500)
	if _, err := n.azure.Vaults().SetSecret("flex-kv", "large", secret.NewValue([]byte(base64.StdEncoding.EncodeToString([]byte(large))))); err != nil {
		t.Fatal(err)
	}
	target := n.mounts(t, "a", principal("keyvaultobjectnames", "db; rsa ;tls;db;large", "keyvaultobjecttypes", "secret; key;cert ;secret;secret",
		"keyvaultobjectversions", ";;; 00000000000000000000000000000001;", "keyvaultobjectaliases", "value;rsa.pem;tls.der;old;large")...)
	n.reads(t, target, "value", value)
	n.reads(t, target, "old", "an older planted")
	n.reads(t, target, "large", base64.StdEncoding.EncodeToString([]byte(large)))
	if text, err := os.ReadFile(filepath.Join(target, "rsa.pem")); err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN PUBLIC KEY-----")) {
		t.Errorf("the key: %q, %v", text, err)
	}
	der, err := os.ReadFile(filepath.Join(target, "tls.der"))
	if _, bad := x509.ParseCertificate(der); err != nil || bad != nil {
		t.Errorf("the certificate: %v, %v", err, bad)
	}

	target = n.mounts(t, "b", principal("keyvaultobjectnames", "rsa;tls;ec", "keyvaultobjecttypes", "key;cert;key", "keyformat", "pem", "certformat", "PEM")...)
	if text, _ := os.ReadFile(filepath.Join(target, "tls")); !bytes.HasPrefix(text, []byte("-----BEGIN CERTIFICATE-----")) {
		t.Errorf("the certificate as PEM: %q", text)
	}
	if text, _ := os.ReadFile(filepath.Join(target, "ec")); !bytes.HasPrefix(text, []byte("-----BEGIN PUBLIC KEY-----")) {
		t.Errorf("an elliptic key: %q", text)
	}
	target = n.mounts(t, "c", principal("keyvaultobjectnames", "rsa", "keyvaultobjecttypes", "key", "keyformat", "modulus")...)
	if text, _ := os.ReadFile(filepath.Join(target, "rsa")); len(text) != 342 || bytes.ContainsAny(text, "=\n-----BEGIN") && bytes.Contains(text, []byte("BEGIN")) {
		t.Errorf("the modulus: %q", text)
	}
	n.refuses(t, "d", "a key of type 'EC' has no modulus", principal("keyvaultobjectnames", "ec", "keyvaultobjecttypes", "key", "keyformat", "modulus")...)
}

// What is mounted is not asked for again, and what is not mounted can be unmounted.
func TestTheFlexVolumeMountsOnce(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	target := n.mounts(t, "a", principal()...)
	n.azure.ResetRequests()
	n.mounts(t, "a", principal()...)
	if calls := n.azure.Requests(); len(calls) != 0 {
		t.Errorf("a mounted volume was asked for again: %v", calls)
	}
	for range 2 {
		if answer, code := n.call(t, "unmount", target); answer.Status != flexvolume.Success || code != 0 {
			t.Errorf("unmount: %+v, %d", answer, code)
		}
		if _, err := os.Lstat(target); !os.IsNotExist(err) {
			t.Errorf("an unmounted target is still there: %v", err)
		}
	}
	if err := os.MkdirAll(target, 0o750); err != nil {
		t.Fatal(err)
	}
	n.set = map[string]string{"no-such-setting": "x", "log-file": n.log} // a pod can go whatever the settings are
	if answer, _ := n.call(t, "unmount", target); answer.Status != flexvolume.Success {
		t.Errorf("unmount of what was never mounted: %+v", answer)
	}
}

// A directory with somebody's files in it is neither mounted over nor emptied.
func TestTheFlexVolumeLeavesStrangersFilesAlone(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	target := n.target(t, "a")
	file := filepath.Join(target, "precious")
	if err := os.MkdirAll(target, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if answer, code := n.call(t, "mount", target, options("a")); answer.Status != flexvolume.Failure || code != 1 {
		t.Errorf("mount: %+v, %d", answer, code)
	}
	if answer, _ := n.call(t, "unmount", target); answer.Status != flexvolume.Success {
		t.Errorf("unmount: %+v", answer)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// A pod's binding may come after the pod: the mount fails with one clear line, and the kubelet's next try succeeds.
func TestTheFlexVolumeWaitsForNMIByTheKubeletsNextTry(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	if err := n.azure.SetFaults([]emulator.Fault{{Service: "nmi", Status: http.StatusNotFound}}); err != nil {
		t.Fatal(err)
	}
	n.refuses(t, "a", "nmi response failed with status code: 404", "usepodidentity", "true")
	if err := n.azure.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	n.reads(t, n.mounts(t, "a", "usepodidentity", "true"), "db", value)
}

// The port is the pod's to say only where the operator has not said where NMI is.
func TestTheFlexVolumeAsksNMIOnThePortThatIsNamed(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(n.azure.Endpoints().NMI, "http://"), ":")
	n.mounts(t, "a", "usepodidentity", "true", "nmiport", "1")
	delete(n.set, "nmi-endpoint")
	n.mounts(t, "b", "usepodidentity", "true", "nmiport", port)
	n.refuses(t, "c", "nmi", "usepodidentity", "true", "nmiport", "1")
}

// What the operator allows holds whoever does the work.
func TestTheFlexVolumeObeysThePolicy(t *testing.T) {
	t.Parallel()
	const rules = "rules: [{namespaces: [shop], modes: [pod-identity]}]"
	for way, serve := range map[string]bool{"the provider's": true, "its own": false} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			n := newFlexNode(t)
			file := filepath.Join(n.dir, "policy.yaml")
			if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
				t.Fatal(err)
			}
			if serve {
				n.serve(t, "--policy", file)
			} else {
				n.set["policy"] = "policy.yaml"
			}
			n.azure.ResetRequests()
			n.refuses(t, "a", "namespace shop may not use managed-identity with vault flex-kv", "usevmmanagedidentity", "true")
			if calls := n.azure.Requests(); len(calls) != 0 {
				t.Errorf("the refusal cost %v", calls)
			}
			n.mounts(t, "b", "usepodidentity", "true")
		})
	}
}

// A setting that cannot be read may be a restriction, so that nothing is mounted.
func TestTheFlexVolumeDoesNotGuessSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"polcy": "x", "fetch": "maybe", "volumes": "floppy", "timeout": "soon", "settings": "x", "policy": "none.yaml", "ca-file": "none.pem"} {
		n := newFlexNode(t)
		n.set[name] = value
		n.refuses(t, "a", name, principal()...)
	}
}

// Without its provider a node that wants it gets nothing, whatever the pods say.
func TestTheFlexVolumeDoesNotGoPastAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	n.set["fetch"], n.set["timeout"] = "provider", "200ms"
	n.refuses(t, "a", `error connecting to provider "azure"`, principal()...)
	if calls := n.azure.Requests(); len(calls) != 0 {
		t.Errorf("%v", calls)
	}
}

// A hundred pods that the node saw before the first of them was mounted cost what one costs; a pod that came after a
// change finds the change.
func TestFlexVolumePodsShareAsCSIPodsDo(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	n.serve(t)
	const pods = 20
	for i := range pods {
		n.target(t, "pod-"+string(rune('a'+i)))
	}
	n.azure.ResetRequests()
	for i := range pods {
		n.mounts(t, "pod-"+string(rune('a'+i)), principal()...)
	}
	if calls := len(n.azure.Requests()); calls != 2 {
		t.Errorf("%d pods cost %d requests, want 1 token and 1 read", pods, calls)
	}
	if _, err := n.azure.Vaults().SetSecret("flex-kv", "db", secret.NewValue([]byte("a newer planted"))); err != nil {
		t.Fatal(err)
	}
	n.reads(t, n.mounts(t, "late", principal()...), "db", "a newer planted")
}

// A volume holds what the kubelet says of its users: the pod's group and nobody else, or everybody who can get there.
func TestTheFlexVolumeNarrowsFilesToThePodsGroup(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	for uid, test := range map[string]struct {
		pairs []string
		want  fs.FileMode
	}{
		"group":  {[]string{"kubernetes.io/mounterArgs.FsGroup", groupOfMine()}, 0o640},
		"none":   {nil, 0o644},
		"chosen": {[]string{"filepermission", "0400"}, 0o400},
	} {
		target := n.mounts(t, uid, principal(test.pairs...)...)
		info, err := os.Stat(filepath.Join(target, "db"))
		if err != nil || info.Mode() != test.want {
			t.Errorf("%s: %v, %v; want %v", uid, info.Mode(), err, test.want)
		}
	}
}

// groupOfMine is a group that this process may give a file to without privilege.
func groupOfMine() string { return strconv.Itoa(os.Getegid()) }

// What migrate prints gives the pod the same bytes.
func TestAMigratedVolumeHoldsTheSameBytes(t *testing.T) {
	t.Parallel()
	n := newFlexNode(t)
	list := []string{"keyvaultobjectnames", "db;rsa;tls;tls", "keyvaultobjecttypes", "secret;key;cert;secret", "keyvaultobjectaliases", "db;rsa;tls.der;tls.pfx", "keyformat", "modulus"}
	before := n.mounts(t, "a", principal(list...)...)
	var pod strings.Builder
	pod.WriteString("apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  containers: []\n  volumes:\n  - name: v\n    flexVolume:\n" +
		"      driver: azure/kv\n      secretRef: {name: kvcreds}\n      options:\n        keyvaultname: flex-kv\n        tenantid: contoso.example\n")
	for i := 0; i < len(list); i += 2 {
		pod.WriteString("        " + list[i] + ": \"" + list[i+1] + "\"\n")
	}
	run := func(args ...string) string {
		var out, log bytes.Buffer
		if code := cli.Run(t.Context(), cli.Process{Args: args, Stdout: &out, Stderr: &log, Getenv: func(string) string { return "" }}); code != 0 {
			t.Fatalf("%s: %d: %s", args[0], code, log.String())
		}
		return out.String()
	}
	write := func(name, text string) string {
		path := filepath.Join(n.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	class := write("class.yaml", run("migrate", write("pod.yaml", pod.String())))
	write("creds/clientid", "9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01")
	write("creds/clientsecret", "planted credential")
	after := filepath.Join(n.dir, "after")
	run("mount", "-f", class, "--target", after, "--secrets-dir", filepath.Join(n.dir, "creds"), "--ca-file", filepath.Join(n.dir, "ca.pem"), "--cloud-file", filepath.Join(n.dir, "cloud.json"))
	for _, name := range []string{"db", "rsa", "tls.der", "tls.pfx"} {
		one, err1 := os.ReadFile(filepath.Join(before, name))
		other, err2 := os.ReadFile(filepath.Join(after, name))
		if err1 != nil || err2 != nil || !bytes.Equal(one, other) || len(one) == 0 {
			t.Errorf("%s: %d and %d bytes, %v, %v", name, len(one), len(other), err1, err2)
		}
	}
}
