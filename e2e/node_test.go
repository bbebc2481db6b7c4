package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	corev1 "k8s.io/api/core/v1"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
	"strongroom/e2e/standin"
)

func TestTheNodeIsReady(t *testing.T) {
	t.Parallel()
	n := Await(t, Nodes, "", node.Name, func(*corev1.Node) error { return nil })
	if got := n.Status.NodeInfo.KubeletVersion; !strings.HasPrefix(got, "v"+cluster.Version+".") {
		t.Errorf("the kubelet is %s, not %s", got, cluster.Version)
	}
	if n.Spec.ProviderID != azure.ProviderID {
		t.Errorf("the node is %q to Azure", n.Spec.ProviderID)
	}
	if got := Kubectl(t, "get", "node", node.Name, "--no-headers"); !strings.Contains(got, "Ready") {
		t.Error(got)
	}
}

// It comes before the tests that run side by side, for it disturbs them.
func TestTheKubeletMayCrash(t *testing.T) {
	ns := Namespace(t)
	pod := Run(t, Pod(ns, "one"))
	if err := cluster.Restart("kubelet"); err != nil {
		t.Fatal(err)
	}
	Run(t, Pod(ns, "two")) // by the new kubelet
	if got := AwaitReady(t, ns, "one"); got.Status.ContainerStatuses[0].ContainerID != pod.Status.ContainerStatuses[0].ContainerID {
		t.Error("the container did not live through it")
	}
}

func TestAPodRuns(t *testing.T) {
	t.Parallel()
	ns := Namespace(t)
	Run(t, Pod(ns, "one", Running("sh", "-c", "echo hello; "+Idle)))
	if got := Exec(t, ns, "one", "cat", "/etc/hostname"); got != "one\n" {
		t.Errorf("%q", got)
	}
	if got := Logs(t, ns, "one"); got != "hello\n" {
		t.Errorf("%q", got)
	}
	if _, err := TryExec(t, ns, "one", "false"); err == nil {
		t.Error("false succeeds")
	}
	if got := AwaitEvent(t, ns, "one", "Started"); got.InvolvedObject.Kind != "Pod" {
		t.Errorf("%+v", got.InvolvedObject)
	}
	Remove(t, ns, "one")
}

func TestAPodsTokenIsTakenByEntra(t *testing.T) {
	t.Parallel()
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	before := Azure().Mark(t)
	Run(t, Pod(ns, "one", Token("api://AzureADTokenExchange")))
	token := Exec(t, ns, "one", "cat", "/var/run/tokens/token")
	access, err := Azure().Exchange(t.Context(), reader.ClientID, token)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := vault.Get(t, "secret1", access); err != nil || got != "one" {
		t.Errorf("%q, %v", got, err)
	}
	if got := before.Since(t, azure.To(vault), azure.Kind("secret-get")); len(got) != 1 {
		t.Errorf("%d reads were counted", len(got))
	}

	stranger := Azure().Managed(t, "elsewhere/default")
	if _, err := Azure().Exchange(t.Context(), stranger.ClientID, token); err == nil || !strings.Contains(err.Error(), "AADSTS70021") {
		t.Errorf("somebody else's identity: %v", err)
	}
	forged := token[:len(token)-8] + "AAAAAAAA"
	if _, err := Azure().Exchange(t.Context(), reader.ClientID, forged); err == nil || !strings.Contains(err.Error(), "AADSTS") {
		t.Errorf("a signature that is not the API server's: %v", err)
	}
}

func TestAzureBreaksOnDemand(t *testing.T) {
	t.Parallel()
	reader := Azure().Application(t)
	vault := Azure().Vault(t, reader)
	mend := Azure().Break(t, azure.Fault{Service: "keyvault", Host: vault.Name, Status: 503})
	if _, err := vault.Get(t, "secret1", "x"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Error(err)
	}
	mend()
	if _, err := vault.Get(t, "secret1", "x"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Error(err)
	}
}

// askIMDS asks for a token of the node's own identity.
func askIMDS(t *testing.T) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(Within(t, 10*time.Second), http.MethodGet,
		"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Metadata", "true")
	return http.DefaultClient.Do(request)
}

func TestIMDSAnswersOnTheNodeAndInPods(t *testing.T) {
	t.Parallel()
	Install(t)
	NoPodIdentity(t)
	IMDS(t)
	response, err := askIMDS(t)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("%s", response.Status)
	}
	ns := Namespace(t)
	Run(t, Pod(ns, "one"))
	got := Exec(t, ns, "one", "wget", "-q", "-O", "-", "--header", "Metadata: true",
		"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net")
	if !strings.Contains(got, "access_token") {
		t.Error(got)
	}
}

func TestIMDSCanBeUnreachable(t *testing.T) {
	t.Parallel()
	NoIMDS(t)
	if response, err := askIMDS(t); err == nil {
		response.Body.Close()
		t.Error("it answers")
	}
}

func TestAnInlineVolumeOfAStandIn(t *testing.T) {
	t.Parallel()
	const name = "standin.e2e.example"
	Apply(t, `{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: `+name+`}, spec: {attachRequired: false,
  podInfoOnMount: true, requiresRepublish: true, volumeLifecycleModes: [Ephemeral], tokenRequests: [{audience: e2e}]}}`)
	driver := &standin.Driver{Name: name, Node: node.Name, Publish: func(r *csi.NodePublishVolumeRequest) error {
		if err := standin.Tmpfs(r.TargetPath); err != nil {
			return err
		}
		text := r.VolumeContext["greeting"] + " " + r.VolumeContext["csi.storage.k8s.io/pod.name"]
		return os.WriteFile(filepath.Join(r.TargetPath, "file"), []byte(text), 0o644)
	}}
	driver.Serve(t)
	ns := Namespace(t)
	pod := Run(t, Pod(ns, "one", MountingOf(name, "v", map[string]string{"greeting": "hello"})))
	if got := Exec(t, ns, "one", "cat", "/mnt/v/file"); got != "hello one" {
		t.Errorf("%q", got)
	}
	if got := Mounts(t, string(pod.UID)+"/volumes/kubernetes.io~csi"); len(got) != 1 || got[0] != Target(pod, "v") {
		t.Errorf("mounted: %q", got)
	}
	requests, err := driver.Published(Within(t, patience), 2) // the kubelet asks again by itself
	if err != nil {
		t.Fatal(err)
	}
	if tokens := requests[1].VolumeContext["csi.storage.k8s.io/serviceAccount.tokens"]; !strings.Contains(tokens, `"e2e"`) {
		t.Errorf("no token with the republish: %q", tokens)
	}
	Remove(t, ns, "one")
	if got := Mounts(t, string(pod.UID)); len(got) != 0 {
		t.Errorf("still mounted: %q", got)
	}
}
