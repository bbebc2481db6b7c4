package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom/internal/cli"
	"strongroom/internal/kube/kubefake"
)

// cluster is an API server in memory and the file that leads to it.
func cluster(t *testing.T) (api *kubefake.Server, kubeconfig string) {
	t.Helper()
	api, err := kubefake.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Stop)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(api.Kubeconfig()), 0o600); err != nil {
		t.Fatal(err)
	}
	return api, kubeconfig
}

// until waits for something a program in the background does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick, over := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("in vain: %s", what)
		}
	}
}

const someClasses = `
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: good, namespace: shop}
spec:
  provider: azure
  parameters: {keyvaultName: kvname, tenantID: contoso.example, useVMManagedIdentity: "true", objects: "[{objectName: a, objectType: secret}]"}
  secretObjects: [{secretName: s, type: Opaque, data: [{objectName: a, key: k}]}]
---
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: wrong, namespace: shop}
spec:
  provider: azure
  parameters: {keyvaultName: kvname, tenantID: contoso.example, useVMManagedIdentity: "true", objects: "[{objectName: a, objectType: secret}]"}
  secretObjects: [{secretName: w, type: Opaque, data: [{objectName: b, key: k}]}]
---
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: strange, namespace: shop}
spec: {provider: vault, parameters: {address: x}}
---
apiVersion: v1
kind: Node
metadata: {name: ready}
spec: {taints: [{key: secrets-store.csi.k8s.io/agent-not-ready, effect: NoSchedule}, {key: other, effect: NoSchedule}, {key: secrets-store.csi.k8s.io/agent-not-ready, effect: NoExecute}]}
---
apiVersion: storage.k8s.io/v1
kind: CSINode
metadata: {name: ready}
spec: {drivers: [{name: secrets-store.csi.k8s.io, nodeID: ready}]}
---
apiVersion: v1
kind: Node
metadata: {name: waiting}
spec: {taints: [{key: secrets-store.csi.k8s.io/agent-not-ready, effect: NoSchedule}]}
---
apiVersion: storage.k8s.io/v1
kind: CSINode
metadata: {name: waiting}
spec: {drivers: [{name: another.csi.example, nodeID: waiting}]}
`

// verdict is a class's condition: its status, reason and message.
func verdict(api *kubefake.Server, name string) string {
	class, _ := api.Get("secretproviderclasses", "shop", name)
	status, _ := class["status"].(kubefake.Object)
	conditions, _ := status["conditions"].([]any)
	for _, c := range conditions {
		c, _ := c.(kubefake.Object)
		return strings.Join([]string{c["type"].(string), c["status"].(string), c["reason"].(string), c["message"].(string)}, " ")
	}
	return ""
}

func taints(api *kubefake.Server, node string) (keys []string) {
	object, _ := api.Get("nodes", "", node)
	spec, _ := object["spec"].(kubefake.Object)
	list, _ := spec["taints"].([]any)
	for _, taint := range list {
		keys = append(keys, taint.(kubefake.Object)["key"].(string))
	}
	return keys
}

func events(api *kubefake.Server) (reasons []string) {
	for _, event := range api.List("events") {
		about, _ := event["involvedObject"].(kubefake.Object)
		source, _ := event["source"].(kubefake.Object)
		reasons = append(reasons, strings.Join([]string{about["name"].(string), event["type"].(string), event["reason"].(string), source["component"].(string)}, " "))
	}
	return reasons
}

func TestTheControllerJudgesClassesAndTakesTaintsOff(t *testing.T) {
	t.Parallel()
	api, kubeconfig := cluster(t)
	api.Put(someClasses)
	args := []string{"controller", "--kubeconfig", kubeconfig, "--metrics-addr", "127.0.0.1:0", "--health-addr", "", "--remove-startup-taint"}
	first := start(t, args...)
	until(t, "conditions", func() bool { return verdict(api, "good") != "" && verdict(api, "wrong") != "" })
	until(t, "taints", func() bool { return len(taints(api, "ready")) == 1 })
	until(t, "events", func() bool { return len(events(api)) == 2 })
	if got := verdict(api, "good"); got != "Accepted True Accepted nothing is wrong with it" {
		t.Error(got)
	}
	if got := verdict(api, "wrong"); !strings.HasPrefix(got, `Accepted False Invalid secretObjects[0].data[0].objectName: no file "b" is mounted`) {
		t.Error(got)
	}
	if got := strings.Join(events(api), ", "); !strings.Contains(got, "good Normal Accepted strongroom-controller") || !strings.Contains(got, "wrong Warning Rejected strongroom-controller") {
		t.Error(got)
	}
	if got := verdict(api, "strange"); got != "" {
		t.Error("a stranger's class is judged:", got)
	}
	if ready, waiting := taints(api, "ready"), taints(api, "waiting"); ready[0] != "other" || len(waiting) != 1 {
		t.Error("taints:", ready, waiting)
	}
	if code := first.end(); code != 0 {
		t.Errorf("exit code %d: %s", code, first.log.String())
	}

	// A successor writes nothing but what changes from now on.
	api.ForgetCalls()
	start(t, args...)
	until(t, "its being the leader", func() bool { return api.Count("watch", "secretproviderclasses") > 0 })
	api.Put(strings.Replace(strings.Split(someClasses, "---")[1], "objectName: b", "objectName: a", 1))
	until(t, "the mended class", func() bool { return strings.HasPrefix(verdict(api, "wrong"), "Accepted True") })
	api.Put(strings.ReplaceAll(strings.Split(someClasses, "---")[6], "another.csi.example", "secrets-store.csi.k8s.io"))
	until(t, "the second node's taint", func() bool { return len(taints(api, "waiting")) == 0 })
	if n := api.Count("patch", "secretproviderclasses"); n != 1 {
		t.Errorf("%d writes of classes for one edit", n)
	}
}

func TestRefreshMarksWhatTheDriversWatch(t *testing.T) {
	t.Parallel()
	api, kubeconfig := cluster(t)
	api.Put(someClasses)
	api.Put("{apiVersion: v1, kind: Pod, metadata: {name: web-0, namespace: shop}}")
	mark := func(plural, name string) string {
		object, _ := api.Get(plural, "shop", name)
		annotations, _ := object["metadata"].(kubefake.Object)["annotations"].(kubefake.Object)
		at, _ := annotations["strongroom/refresh"].(string)
		return at
	}
	first := finished(t, 0, "refresh", "good", "-n", "shop", "--kubeconfig", kubeconfig)
	at := mark("secretproviderclasses", "good")
	if _, err := time.Parse(time.RFC3339Nano, at); err != nil || !strings.Contains(first, "class shop/good now says strongroom/refresh="+at) {
		t.Errorf("%q, %s", at, first)
	}
	finished(t, 0, "refresh", "--kubeconfig", kubeconfig, "class", "good", "--namespace=shop")
	if again := mark("secretproviderclasses", "good"); again == at {
		t.Error("asking again is no change")
	}
	if text := finished(t, 0, "refresh", "pod", "-n", "shop", "--kubeconfig", kubeconfig, "web-0"); mark("pods", "web-0") == "" || !strings.Contains(text, "kubectl events -n shop") {
		t.Error(text)
	}
	if text := finished(t, 4, "refresh", "nobody", "-n", "shop", "--kubeconfig", kubeconfig); !strings.Contains(text, `"nobody" not found`) || !strings.Contains(text, "to mend: ") {
		t.Error(text)
	}
	api.Deny("patch", "pods")
	if text := finished(t, 5, "refresh", "pod", "web-0", "-n", "shop", "--kubeconfig", kubeconfig); !strings.Contains(text, "kubectl auth can-i patch pods -n shop") {
		t.Error(text)
	}
}

func TestTheDefinitionsAreApplied(t *testing.T) {
	t.Parallel()
	api, kubeconfig := cluster(t)
	for range 2 {
		if text := finished(t, 0, "crds", "--apply", "--kubeconfig", kubeconfig); text != "applied and served: the kinds of secrets-store.csi.x-k8s.io\n" {
			t.Error(text)
		}
	}
	if n := len(api.List("customresourcedefinitions")); n != 2 {
		t.Errorf("%d definitions", n)
	}
	finished(t, 0, "crds", "--apply", "--pod-identity", "--kubeconfig", kubeconfig)
	if n := len(api.List("customresourcedefinitions")); n != 6 {
		t.Errorf("%d definitions", n)
	}
	api, kubeconfig = cluster(t)
	finished(t, 0, "crds", "--apply", "--pod-identity", "--secrets-store=false", "--kubeconfig", kubeconfig)
	if n := len(api.List("customresourcedefinitions")); n != 4 {
		t.Errorf("%d definitions of pod identity alone", n)
	}
	finished(t, 2, "crds", "--secrets-store=false")
	if text := finished(t, 0, "crds", "--pod-identity"); strings.Count(text, "\nkind: CustomResourceDefinition\n") != 6 {
		t.Error(text)
	}
}

// NMI's taint goes once its pod is ready there, and the driver's stays, whoever waits for that.
func TestTheControllerTakesNMIsTaintOff(t *testing.T) {
	t.Parallel()
	api, kubeconfig := cluster(t)
	const pod = `{apiVersion: v1, kind: Pod, metadata: {name: nmi-NODE, namespace: sys, labels: {component: nmi}}, spec: {nodeName: NODE}, status: {conditions: [{type: Ready, status: "STATUS"}]}}`
	for node, ready := range map[string]string{"a": "True", "b": "False"} {
		api.Put(`{apiVersion: v1, kind: Node, metadata: {name: ` + node + `}, spec: {taints: [{key: aadpodidentity.k8s.io/agent-not-ready, effect: NoExecute}, {key: secrets-store.csi.k8s.io/agent-not-ready, effect: NoSchedule}]}}`)
		api.Put(strings.NewReplacer("NODE", node, "STATUS", ready).Replace(pod))
	}
	start(t, "controller", "--kubeconfig", kubeconfig, "--metrics-addr", "", "--health-addr", "", "--remove-pod-identity-taint", "--nmi-namespace", "sys")
	until(t, "the taint of a", func() bool { return len(taints(api, "a")) == 1 })
	if a, b := taints(api, "a"), taints(api, "b"); a[0] != "secrets-store.csi.k8s.io/agent-not-ready" || len(b) != 2 {
		t.Error(a, b)
	}
	if n := api.Count("list", "csinodes"); n != 0 {
		t.Error("asks for drivers, which nobody waits for and it may not")
	}
	api.Put(strings.NewReplacer("NODE", "b", "STATUS", "True").Replace(pod))
	until(t, "the taint of b", func() bool { return len(taints(api, "b")) == 1 })
}

// finished runs a subcommand to its end and gives everything it said.
func finished(t *testing.T, want int, args ...string) string {
	t.Helper()
	var said safeBuffer
	code := cli.Run(t.Context(), cli.Process{Args: args, Stdout: &said, Stderr: &said, Getenv: func(string) string { return "" }})
	if code != want {
		t.Fatalf("%s: exit code %d, want %d: %s", strings.Join(args, " "), code, want, said.String())
	}
	return said.String()
}
