package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"strongroom/e2e/azure"
)

// unmistakable is a value that nothing else could ever hold, with characters that every way of writing spells otherwise.
func unmistakable(what string) string {
	return what + ` "ü"&<` + rand.Text() + "/+%" + rand.Text() + ">"
}

// Promised: what is in a vault, a credential and a token reaches the pod's files and nothing else, whatever goes wrong: no
// log, event, object, store, metric, argument, environment, temporary file, core file or swap. That the search finds what
// is there is proven first.
func TestPlantedValuesAreNowhereButInTheVolumes(t *testing.T) {
	longForm(t)
	t.Parallel()
	began := time.Now()
	PodIdentityAlone(t, "logVerbosity: 5\npodIdentity: {nmi: {logVerbosity: 5}, mic: {logVerbosity: 5}}")
	awaitFlexDriver(t)
	ns := PodSpace(t)
	wantFound(t, ns, began)

	reader, app, bound := Azure().Managed(t, ns+"/default"), Azure().Application(t), Azure().Managed(t)
	vault := Azure().VaultOf(t, `
- {kind: certificate, name: pem, versions: [{format: pem, keyType: RSA-2048, dnsNames: [shop.example]}]}
- {kind: certificate, name: pfx, versions: [{format: pfx, keyType: RSA-2048, dnsNames: [shop.example]}]}
`, reader, app, bound)
	first, second, failed := unmistakable("first"), unmistakable("second"), unmistakable("failed")
	values := []planted{plant("the first value", []byte(first)), plant("the second value", []byte(second)), plant("a value nobody got", []byte(failed))}
	credential := plant("the client secret", []byte(app.Secret))
	credential.kept = true
	values = append(values, credential)

	vault.Set(t, "secret1", first)
	class := WorkloadClass(ns, "class", vault, reader, "secret1")
	class.Objects = append(class.Objects, "objectName: pem\nobjectType: secret\n", "objectName: pfx\nobjectType: secret\n",
		"objectName: pfx\nobjectType: secret\nobjectFormat: pfx\nobjectAlias: binary\n")
	class.Apply(t)
	pod := Run(t, Pod(ns, "web", Mounting("class"), Token("api://AzureADTokenExchange")))
	WantFile(t, pod, "class", "secret1", first)
	for _, file := range []string{"pem", "pfx", "binary"} {
		values = append(values, privateParts(t, pod, file)...)
	}
	token := Exec(t, ns, "web", "cat", "/var/run/tokens/token")
	values = append(values, plant("a token's signature", []byte(token[strings.LastIndex(token, ".")+1:])))
	wantNoSwap(t, Target(pod, "class"))

	otherWays(t, ns, vault, app, bound)
	vault.Set(t, "secret1", second)
	AwaitFile(t, pod, "class", "secret1", second)
	goWrong(t, ns, vault, pod, failed)
	crash(t)
	AwaitInstalled(t)
	vault.Set(t, "secret1", first)
	AwaitFile(t, pod, "class", "secret1", first)

	found, looked := searchEverywhere(t, began, values)
	t.Logf("looked for %d values in %v", len(values), looked)
	for _, one := range found {
		t.Errorf("found: %s", one)
	}
}

// wantFound plants a value where it must be found.
func wantFound(t *testing.T, ns string, began time.Time) {
	t.Helper()
	value := unmistakable("decoy")
	Apply(t, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: %s, name: decoy}, data: {x: '%x'}}", ns, value))
	Run(t, Pod(ns, "decoy", Running("sh", "-c", "echo $VALUE; "+Idle), func(p *corev1.PodTemplateSpec) {
		p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "VALUE", Value: value}}
	}))
	for _, file := range []string{"/run/e2e-decoy", "/etc/e2e-decoy", "/var/lib/e2e-decoy", "/tmp/" + azure.Unique("decoy")} {
		if err := os.WriteFile(file, []byte(hex.EncodeToString([]byte(value))), 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file)
	}
	core := "/run/e2e-decoy-core"
	if err := os.WriteFile(core, append([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00"), make([]byte, 64)...), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(core)
	Eventually(t, "the decoy's log", func() error {
		if text := Logs(t, ns, "decoy"); !strings.Contains(text, value) {
			return fmt.Errorf("%q", text)
		}
		return nil
	})
	found, looked := searchEverywhere(t, began, []planted{plant("decoy", []byte(value))})
	all := strings.Join(found, "\n")
	for _, place := range []string{"object configmaps " + ns + "/decoy", "object pods " + ns + "/decoy", "process /proc/", "/etcd/", "log " + filepath.Dir(cluster.Scratch()) + "/log/pods/",
		"file /run/containerd/", "file /run/e2e-decoy", "/etc/upper/e2e-decoy", "/var/lib/upper/e2e-decoy", "file /tmp/decoy-", "a core file: " + core} {
		if !strings.Contains(all, place) {
			t.Errorf("the search is blind for %s: %v\n%s", place, looked, all)
		}
	}
	Remove(t, ns, "decoy")
}

// privateParts are pieces of the private keys in a file.
func privateParts(t *testing.T, pod *corev1.Pod, file string) (list []planted) {
	t.Helper()
	text, err := File(pod, "class", file)
	if err != nil {
		t.Fatal(err)
	}
	for rest := []byte(text); ; {
		block, left := pem.Decode(rest)
		if block == nil {
			break
		}
		if rest = left; strings.Contains(block.Type, "PRIVATE KEY") {
			middle := len(block.Bytes) / 2
			list = append(list, plant("the private key of "+file, block.Bytes[middle:middle+48]))
			lines := bytes.Split(pem.EncodeToMemory(block), []byte("\n"))
			list = append(list, plant("a line of the private key of "+file, lines[len(lines)/2]))
		}
	}
	if len(list) == 0 { // a store as a whole, as bytes or as text
		middle := len(text) / 2
		list = append(list, plant("the store "+file, []byte(text[middle:middle+48])))
	}
	return list
}

// otherWays have the same read by a service principal, by the FlexVolume, and by pod identity.
func otherWays(t *testing.T, ns string, vault azure.Vault, app, bound azure.Identity) {
	t.Helper()
	FlexCredentials(t, ns, app)
	principal := WorkloadClass(ns, "principal", vault, app, "secret1")
	delete(principal.Parameters, "clientID")
	principal.Apply(t)
	Run(t, Pod(ns, "principal", Mounting("principal"), Credential("kvcreds")))
	Run(t, Pod(ns, "flex", FlexMounting("flex", "kvcreds", flexSecrets(vault, "secret1")...)))
	Bind(t, ns, bound, ns)
	Run(t, Pod(ns, "bound", Of(CurlImage), Labelled(BoundBy, ns)))
	AwaitToken(t, ns, "bound", "", bound.ObjectID)
}

// goWrong meets a vault that is down, one that refuses, an authority that refuses, and a provider and a driver that die.
func goWrong(t *testing.T, ns string, vault azure.Vault, pod *corev1.Pod, value string) {
	t.Helper()
	denied := Azure().Vault(t)
	denied.Set(t, "secret1", value)
	reader := Azure().Managed(t, ns+"/default")
	WorkloadClass(ns, "denied", denied, reader, "secret1").Apply(t)
	Create(t, Pod(ns, "denied", Mounting("denied")))
	AwaitEvent(t, ns, "denied", "FailedMount", "az keyvault set-policy")
	Apply(t, `{apiVersion: v1, kind: Secret, metadata: {namespace: `+ns+`, name: wrong}, stringData: {clientid: `+reader.ClientID+`, clientsecret: `+rand.Text()+`}}`)
	principal := WorkloadClass(ns, "wrong", vault, reader, "secret1")
	delete(principal.Parameters, "clientID")
	principal.Apply(t)
	Create(t, Pod(ns, "wrong", Mounting("wrong"), Credential("wrong")))
	AwaitEvent(t, ns, "wrong", "FailedMount")
	mend := Azure().Break(t, azure.Fault{Service: "keyvault", Host: vault.Name, Outage: true})
	AwaitEvent(t, ns, pod.Name, "MountContentStale")
	mend()
	for _, victim := range []string{Provider, Driver} {
		killed := Kill(t, systemNamespace, "app="+victim)
		AwaitSuccessor(t, systemNamespace, "app="+victim, killed)
	}
}

// crash has driver and provider end as a defect would end them, with a trace in their logs.
func crash(t *testing.T) {
	t.Helper()
	for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGSEGV} {
		for _, victim := range []string{Provider, Driver} {
			AwaitInstalled(t)
			killed, process, err := running(t, systemNamespace, "app="+victim)
			if err != nil {
				t.Fatal(err)
			}
			pod := OnlyPod(t, systemNamespace, "app="+victim)
			written := openLog(t, &pod)
			if err := syscall.Kill(process, signal); err != nil {
				t.Fatal(err)
			}
			AwaitSuccessor(t, systemNamespace, "app="+victim, killed)
			Eventually(t, "a trace in the log of "+victim, func() error {
				text, err := io.ReadAll(io.NewSectionReader(written, 0, 1<<30))
				if err == nil && !bytes.Contains(text, []byte("goroutine ")) {
					err = fmt.Errorf("%s left no trace: %s", signal, text[max(0, len(text)-500):])
				}
				return err
			})
		}
	}
}

// openLog opens what a pod's container writes now. The kubelet keeps the log of a container that has ended while it is the
// newest of those that do not run, and the next one does not run either until it is started.
func openLog(t *testing.T, pod *corev1.Pod) *os.File {
	t.Helper()
	container := first(pod)
	file, err := os.Open(filepath.Join(filepath.Dir(cluster.Scratch()), "log", "pods",
		fmt.Sprintf("%s_%s_%s", pod.Namespace, pod.Name, pod.UID), container.Name, fmt.Sprintf("%d.log", container.RestartCount)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // it is only read
	return file
}
