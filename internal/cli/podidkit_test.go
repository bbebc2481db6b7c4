package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	azuretoken "strongroom/internal/azure/token"
	"strongroom/internal/emulator"
	"strongroom/internal/kube/kubefake"
	"strongroom/internal/secret"
)

const (
	podTenant = "5a6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	micClient = "5b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01"
	emulated  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/emulator/providers"
)

// podAzure has a scale set of two nodes, to which somebody else has given the identity foreign, and a caller that may give
// it any of the others.
const podAzure = `
tenants: [{id: ` + podTenant + `, domain: shop.example}]
applications: [{name: mic, clientId: ` + micClient + `, secrets: [{name: one, value: planted-4c, expires: 2100-01-01T00:00:00Z}]}]
identities:
- {name: a, resourceId: ` + emulated + `/Microsoft.ManagedIdentity/userAssignedIdentities/a}
- {name: b, resourceId: ` + emulated + `/Microsoft.ManagedIdentity/userAssignedIdentities/b}
- {name: c, resourceId: ` + emulated + `/Microsoft.ManagedIdentity/userAssignedIdentities/c}
- {name: foreign, resourceId: ` + emulated + `/Microsoft.ManagedIdentity/userAssignedIdentities/foreign}
nodes: [{name: node-0, scaleSet: pool}, {name: node-1, scaleSet: pool}]
scaleSets: [{name: pool, systemAssigned: true, identities: [foreign]}]
resourceRoles:
- {principal: mic, role: Virtual Machine Contributor, scope: pool}
- {principal: mic, role: Managed Identity Operator, scope: a}
- {principal: mic, role: Managed Identity Operator, scope: b}
- {principal: mic, role: Managed Identity Operator, scope: c}
`

// podWorld is a cluster, its Azure, and processes of MIC and NMI that can be killed.
type podWorld struct {
	t     *testing.T
	dir   string
	azure *emulator.Emulator
	api   *kubefake.Server
}

// newPodWorld has nodes, identities and bindings of them for pods with the label of their names.
func newPodWorld(t *testing.T, updateTime time.Duration) *podWorld {
	t.Helper()
	w := &podWorld{t: t, dir: t.TempDir(), azure: startAzureOf(t, []byte(podAzure+"resourceManager: {updateTime: "+updateTime.String()+", propagation: 100ms}\n"))}
	w.api, _ = cluster(t)
	for name, text := range map[string]string{
		"ca.pem": string(w.azure.CA()), "cloud.json": string(w.azure.CloudFile()), "kubeconfig": w.api.Kubeconfig(),
		"azure.json": fmt.Sprintf(`{"cloud": "AzureStackCloud", "tenantId": %q, "aadClientId": %q, "aadClientSecret": "planted-4c"}`, podTenant, micClient),
	} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		w.api.Put(fmt.Sprintf("{apiVersion: v1, kind: Node, metadata: {name: node-%d}, spec: {providerID: \"azure://%s/Microsoft.Compute/virtualMachineScaleSets/pool/virtualMachines/%d\"}}", i, emulated, i))
	}
	for _, name := range []string{"a", "b", "c"} {
		w.bind(name)
	}
	return w
}

func (w *podWorld) clientID(name string) string {
	p, known := w.azure.Directory().Find(name)
	if !known {
		w.t.Fatalf("there is no %s", name)
	}
	return p.ClientID
}

func (w *podWorld) bind(name string) {
	w.api.Put(fmt.Sprintf(`apiVersion: aadpodidentity.k8s.io/v1
kind: AzureIdentity
metadata: {name: %[1]s, namespace: shop}
spec: {type: 0, resourceID: %[2]s/Microsoft.ManagedIdentity/userAssignedIdentities/%[1]s, clientID: %[3]s}
---
apiVersion: aadpodidentity.k8s.io/v1
kind: AzureIdentityBinding
metadata: {name: %[1]s, namespace: shop}
spec: {azureIdentity: %[1]s, selector: %[1]s}
`, name, emulated, w.clientID(name)))
}

// putPod makes a pod run, or changes its label. Its address tells its node: 127.0.1.x is node-0's.
func (w *podWorld) putPod(name, label, ip string) {
	node := int(ip[6] - '1')
	w.api.Put(fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: shop, labels: {aadpodidbinding: %q}}, spec: {nodeName: node-%d}, status: {phase: Running, podIP: %s, podIPs: [{ip: %s}]}}",
		name, label, node, ip, ip))
}

// states spells what the cluster's objects say, by pod: "a Assigned".
func (w *podWorld) states() map[string]string {
	states := map[string]string{}
	for _, o := range w.api.List("azureassignedidentities") {
		spec, _ := o["spec"].(map[string]any)
		identity, _ := spec["azureIdentityRef"].(map[string]any)
		named, _ := identity["metadata"].(map[string]any)
		status, _ := o["status"].(map[string]any)
		pod, _ := spec["pod"].(string)
		states[pod] = fmt.Sprint(named["name"], " ", status["status"])
	}
	return states
}

// child is a process of the program.
type child struct {
	t       *testing.T
	command *exec.Cmd
	log     safeBuffer
}

// child starts a subcommand in a process of its own, which lives until it is killed or the test ends.
func (w *podWorld) child(args ...string) *child {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	c := &child{t: w.t}
	serving := make(chan struct{})
	c.log.wait = serving
	at := func(name string) string { return filepath.Join(w.dir, name) }
	args = append(args, "--kubeconfig", at("kubeconfig"), "--ca-file", at("ca.pem"), "--log-format-json", "-v=5", "--http-probe-port", "0", "--prometheus-port", "0")
	c.command = &exec.Cmd{Path: self, Args: append([]string{"strongroom"}, args...), Stderr: &c.log,
		Env: append(os.Environ(), "AZURE_ENVIRONMENT_FILEPATH="+at("cloud.json"))}
	if err := c.command.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.kill)
	select {
	case <-serving:
	case <-time.After(30 * time.Second):
		w.t.Fatalf("%s does not serve: %s", args[0], c.log.String())
	}
	return c
}

// kill is kill -9. A process that was killed before stays so.
func (c *child) kill() {
	if c.command.ProcessState == nil {
		_ = c.command.Process.Kill()
		_ = c.command.Wait()
	}
}

func (c *child) said(key string) string { return attribute(c.t, c.log.String(), key) }

func (w *podWorld) mic(instance string) *child {
	w.t.Helper()
	return w.child("mic", "--cloudconfig", filepath.Join(w.dir, "azure.json"), "--leader-election-duration", "3s", "--leader-election-instance", instance, "--detach-delay", "1s")
}

func (w *podWorld) nmi(node string) *child {
	w.t.Helper()
	host, port, err := net.SplitHostPort(strings.TrimPrefix(w.azure.Endpoints().IMDS[node], "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.child("nmi", "--node", node, "--redirect=false", "--nmi-port", "0", "--metadata-ip", host, "--metadata-port", port)
}

// leader is the replica that leads, as its lease says.
func (w *podWorld) leader() string {
	lease, _ := w.api.Get("leases", "default", "aad-pod-identity-mic")
	spec, _ := lease["spec"].(map[string]any)
	holder, _ := spec["holderIdentity"].(string)
	name, _, _ := strings.Cut(holder, "_")
	return name
}

// ask asks an NMI from an address. holder is the client id that the token is of, empty without one.
func (w *podWorld) ask(ctx context.Context, nmi *child, ip, more string) (holder, said string) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+nmi.said("address")+"/metadata/identity/oauth2/token?resource=https://vault.azure.net"+more, nil)
	if err != nil {
		return "", err.Error()
	}
	request.Header.Set("Metadata", "true")
	response, err := client.Do(request)
	if err != nil {
		return "", err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	var body struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(text, &body) != nil || body.Token == "" {
		return "", string(text)
	}
	of, readable := azuretoken.HolderOf(secret.NewValue([]byte(body.Token)))
	if !readable {
		w.t.Errorf("a token that nobody can read: %d bytes", len(body.Token))
	}
	return of.ClientID, ""
}

// onMachine says whether the scale set's metadata endpoint has an identity.
func (w *podWorld) onMachine(name string) bool {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet,
		w.azure.Endpoints().IMDS["node-0"]+"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net&client_id="+w.clientID(name), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Metadata", "true")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}
