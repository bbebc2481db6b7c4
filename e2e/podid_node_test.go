package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/node"
)

// From the installation to the removal no pod reaches the machine's identity: not while NMI is rolled, and not while it is
// dead. A removal leaves neither a rule nor a finalizer.
func TestNoPodReachesTheMachinesIdentityWhileInstalled(t *testing.T) {
	longForm(t)
	t.Parallel()
	PodIdentityAlone(t)
	ns := Namespace(t)
	id := Azure().Managed(t)
	Bind(t, ns, id, ns)
	rulesStand(t)
	healthy(t)
	Run(t, Pod(ns, "web", Of(CurlImage), Labelled(BoundBy, ns)))
	prober := Probe(t, ns)
	AwaitToken(t, ns, "web", "", id.ObjectID)

	t.Log("NMI is rolled")
	before := OnlyPod(t, systemNamespace, "app=nmi")
	Upgrade(t, podIdentityValues(), "podIdentity: {nmi: {podAnnotations: {e2e/roll: again}}}")
	awaitPodIdentity(t)
	AwaitGone(t, Pods, systemNamespace, before.Name)
	rulesStand(t)
	AwaitToken(t, ns, "web", "&bypass_cache=true", id.ObjectID)

	t.Log("NMI is killed, and cannot start")
	unsafe := unsafeNetwork(t)
	killed := Kill(t, systemNamespace, "app=nmi")
	pod := OnlyPod(t, systemNamespace, "app=nmi").Name
	Eventually(t, "NMI refuses this network", func() error {
		text, err := logs(t.Context(), systemNamespace, pod, &corev1.PodLogOptions{Previous: true})
		if err == nil && !strings.Contains(text, unsafe) {
			err = fmt.Errorf("it says %s", text)
		}
		return err
	})
	if got := AskMetadata(t, ns, "web", tokenPath); got.status != 0 {
		t.Errorf("while nobody serves: %s", got)
	}
	rulesStand(t)
	if err := os.Remove(unsafe); err != nil {
		t.Fatal(err)
	}
	AwaitSuccessor(t, systemNamespace, "app=nmi", killed)
	AwaitToken(t, ns, "web", "", id.ObjectID)
	prober.AwaitMore(t, prober.Codes(t))
	codes := prober.Codes(t)
	t.Logf("the prober's answers: %v", codes)
	if codes["200"] > 0 || codes["404"] == 0 {
		t.Error("the prober got a token, or no refusal")
	}

	t.Log("everything is removed under running pods")
	Uninstall(t)
	NoPodIdentity(t)
	if jumps, chain := podIdentityRules(t); len(jumps)+len(chain) > 0 {
		t.Errorf("rules are left: %q %q", jumps, chain)
	}
	left, err := objects.Resource(AssignedIdentities).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(left.Items) > 0 {
		t.Errorf("%d assignments are left, %v", len(left.Items), err)
	}
	AwaitToken(t, ns, "prober", "", Azure().Machine(t).PrincipalID) // as without pod identity
	if got := Kubectl(t, "get", "azureidentity", id.Name, "--namespace", ns, "--output", "name"); got == "" {
		t.Error("the identity went with the program")
	}
}

// rulesStand checks that the first rule for what comes to the node leads to NMI's chain, and that the chain is whole.
func rulesStand(t *testing.T) {
	t.Helper()
	jumps, chain := podIdentityRules(t)
	if len(jumps) != 1 || !strings.HasPrefix(jumps[0], "-A PREROUTING ") {
		t.Errorf("jumps: %q", jumps)
	}
	if all := strings.Join(chain, "\n"); len(chain) != 3 || !strings.Contains(all, "--to-destination 127.0.0.1:2579") || !strings.HasSuffix(all, "-j RETURN") {
		t.Errorf("chain: %s", all)
	}
}

// healthy reads what probes read: NMI is active, and of MIC's replicas the leader.
func healthy(t *testing.T) {
	t.Helper()
	page := func(address string) string {
		text, err := get(Within(t, patience), "http://"+address+"/healthz")
		if err != nil {
			t.Error(err)
		}
		return text
	}
	if got := page(node.Address + ":8085"); got != "Active" {
		t.Errorf("NMI is %q", got)
	}
	Eventually(t, "one active replica", func() error {
		leader, pods := Leader(t), PodsOf(t, systemNamespace, "app=mic")
		if len(pods) != 2 {
			return fmt.Errorf("%d replicas", len(pods))
		}
		for _, p := range pods {
			want := map[bool]string{true: "Active", false: "Not Active"}[p.Name == leader]
			if got := page(p.Status.PodIP + ":8080"); got != want {
				return fmt.Errorf("%s is %q, not %q", p.Name, got, want)
			}
		}
		return nil
	})
}

// unsafeNetwork gives the node the configuration of a network on which pods can take each other's address, and its path.
func unsafeNetwork(t *testing.T) string {
	t.Helper()
	file := "/etc/cni/net.d/10-e2e.conflist"
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll("/etc/cni"); err != nil {
			t.Error(err)
		}
	})
	const plain = `{"cniVersion": "0.4.0", "name": "plain", "plugins": [{"type": "bridge", "bridge": "cni0", "ipam": {"type": "host-local"}}]}`
	if err := os.WriteFile(file, []byte(plain), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
