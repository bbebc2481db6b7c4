package cli_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	csipb "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"strongroom/internal/cli"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
	"strongroom/internal/secret"
)

// TestDriverAndProviderOnANode runs both programs as a node does and plays the kubelet.
func TestDriverAndProviderOnANode(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	target := filepath.Join(n.dir, "pods", "a", "mount")

	n.publish(t, target, "azure-kvname-wi", nil)
	n.holds(t, target, "secret1", "a secret of kvname")
	n.publish(t, filepath.Join(n.dir, "pods", "b", "mount"), "azure-kvname-sp", map[string]string{
		"clientid": "9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01", "clientsecret": "demo only: 3fK!c9",
	})
	n.holds(t, filepath.Join(n.dir, "pods", "b", "mount"), "tls/bundle.pem", "BEGIN CERTIFICATE")

	if _, err := n.azure.Vaults().SetSecret("kvname", "secret1", secret.NewValue([]byte("another secret of kvname"))); err != nil {
		t.Fatal(err)
	}
	n.publish(t, target, "azure-kvname-wi", nil)
	n.holds(t, target, "secret1", "another secret of kvname")

	if err := n.azure.SetFaults([]emulator.Fault{{Service: "keyvault", Status: 503}}); err != nil {
		t.Fatal(err)
	}
	n.publish(t, target, "azure-kvname-wi", nil)
	n.holds(t, target, "secret1", "another secret of kvname")
	if err := n.azure.SetFaults(nil); err != nil {
		t.Fatal(err)
	}

	if _, err := n.kubelet.NodePublishVolume(t.Context(), n.request(t, filepath.Join(n.dir, "pods", "c", "mount"), "no-such-class", nil)); status.Code(err) != codes.NotFound {
		t.Errorf("a class that is not there: %v, want NotFound", err)
	}
	if _, err := n.kubelet.NodeUnpublishVolume(t.Context(), &csipb.NodeUnpublishVolumeRequest{VolumeId: "v", TargetPath: target}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(target); !os.IsNotExist(err) {
		t.Errorf("an unpublished target is still there: %v", err)
	}

	n.tellsFigures(t)
	for _, program := range []*program{n.provider, n.driver} {
		if got := get(t, "http://"+program.address(t, "health")+"/healthz"); got != "ok" {
			t.Errorf("health says %q", got)
		}
	}
	strangersStayOut(t, n.driverSocket, n.providerSocket)
	n.endsCleanly(t)
}

// A port that is taken is an error at the start, and the socket bound before it is given back.
func TestATakenPortIsAnErrorAtStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"provider": {"--healthz-port", port, "--prometheus-port", "-1"},
		"driver":   {"--metrics-addr", taken.Addr().String(), "--class-dir", dir},
	} {
		path := filepath.Join(dir, name+".sock")
		var out, log safeBuffer
		code := cli.Run(t.Context(), cli.Process{
			Args:   append([]string{name, "--endpoint", "unix://" + path}, args...),
			Stdout: &out, Stderr: &log, Getenv: func(string) string { return "" },
		})
		if code != 1 || !strings.Contains(log.String(), "address already in use") || !strings.Contains(log.String(), "to mend: give it another port") {
			t.Errorf("%s: exit code %d: %s", name, code, log.String())
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s: the socket was left behind: %v", name, err)
		}
	}
}

// node is one machine: an Azure, both programs and a kubelet's connection.
type node struct {
	dir, driverSocket, providerSocket string
	azure                             *emulator.Emulator
	provider, driver                  *program
	kubelet                           csipb.NodeClient
}

// No kubelet comes by between the change and its arrival.
func TestTheDriverRotatesByItself(t *testing.T) {
	t.Parallel()
	n := newNode(t, "--rotation-poll-interval", "1s")
	target := filepath.Join(n.dir, "pods", "a", "mount")
	n.publish(t, target, "azure-kvname-wi", nil)
	n.holds(t, target, "secret1", "a secret of kvname")
	if _, err := n.azure.Vaults().SetSecret("kvname", "secret1", secret.NewValue([]byte("another secret of kvname"))); err != nil {
		t.Fatal(err)
	}
	n.driver.log.says(t, "mounted content was rotated")
	n.holds(t, target, "secret1", "another secret of kvname")
	if page := get(t, "http://"+n.driver.address(t, "metrics")+"/metrics"); !regexp.MustCompile(`(?m)^node_publish_total.* 1$`).MatchString(page) {
		t.Errorf("what the timer did is counted as the kubelet's:\n%s", ours(page))
	}
}

func newNode(t *testing.T, flags ...string) *node {
	dir, err := os.MkdirTemp("", "sr") // socket paths are bounded, and strangers must be able to reach them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n := &node{dir: dir, driverSocket: filepath.Join(dir, "csi.sock"), providerSocket: filepath.Join(dir, "providers", "azure.sock")}
	for _, d := range []string{dir, filepath.Dir(n.providerSocket), filepath.Join(dir, "classes")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n.azure = startAzure(t)
	ends := n.azure.Endpoints()
	ca, cloud := n.write(t, "ca.pem", n.azure.CA()), n.write(t, "cloud.json", n.azure.CloudFile())
	for _, name := range []string{"workload-identity.yaml", "service-principal.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		n.write(t, filepath.Join("classes", name), text)
	}
	n.provider = start(t, "provider", "--endpoint", "unix://"+n.providerSocket, "--ca-file", ca, "--cloud-file", cloud,
		"--imds-endpoint", ends.IMDS["node-1"], "--nmi-endpoint", ends.NMI, "--healthz-port", "0", "--prometheus-port", "0", "--log-format-json", "-v=5")
	n.driver = start(t, append([]string{"driver", "--endpoint", "unix://" + n.driverSocket, "--nodeid", "node-1", "--provider-volume", filepath.Dir(n.providerSocket),
		"--additional-provider-volume-paths", "", "--class-dir", filepath.Join(dir, "classes"), "--volumes", "plain",
		"--rotation-poll-interval", "0s", "--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0", "--log-format-json", "-v=5"}, flags...)...)
	conn, err := grpc.NewClient("unix://"+n.driverSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n.kubelet = csipb.NewNodeClient(conn)
	return n
}

// startAzure serves the demo's Azure until the test ends.
func startAzure(t *testing.T) *emulator.Emulator {
	t.Helper()
	text, err := os.ReadFile("demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return startAzureOf(t, text)
}

// startAzureOf serves an Azure of this state until the test ends.
func startAzureOf(t *testing.T, text []byte) *emulator.Emulator {
	t.Helper()
	document, err := state.Parse(text, os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	em, err := emulator.New(emulator.Config{Document: document})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- em.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return em
}

func (n *node) write(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (n *node) request(t *testing.T, target, class string, secrets map[string]string) *csipb.NodePublishVolumeRequest {
	t.Helper()
	token, expires, err := n.azure.ServiceAccountToken("default", "default", "api://AzureADTokenExchange", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := json.Marshal(map[string]any{"api://AzureADTokenExchange": map[string]string{"token": token, "expirationTimestamp": expires.UTC().Format(time.RFC3339)}})
	if err != nil {
		t.Fatal(err)
	}
	return &csipb.NodePublishVolumeRequest{
		VolumeId: "v", TargetPath: target, Readonly: true, Secrets: secrets,
		VolumeCapability: &csipb.VolumeCapability{
			AccessType: &csipb.VolumeCapability_Mount{Mount: &csipb.VolumeCapability_MountVolume{}},
			AccessMode: &csipb.VolumeCapability_AccessMode{Mode: csipb.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY},
		},
		VolumeContext: map[string]string{
			"secretProviderClass": class, "csi.storage.k8s.io/ephemeral": "true",
			"csi.storage.k8s.io/pod.name": "p", "csi.storage.k8s.io/pod.namespace": "default", "csi.storage.k8s.io/pod.uid": "u",
			"csi.storage.k8s.io/serviceAccount.name": "default", "csi.storage.k8s.io/serviceAccount.tokens": string(tokens),
		},
	}
}

func (n *node) publish(t *testing.T, target, class string, secrets map[string]string) {
	t.Helper()
	if _, err := n.kubelet.NodePublishVolume(t.Context(), n.request(t, target, class, secrets)); err != nil {
		t.Fatalf("publishing %s: %v\n%s", class, err, n.driver.log.String())
	}
}

func (n *node) holds(t *testing.T, target, name, want string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(target, filepath.FromSlash(name)))
	if err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%s holds %q, %v; want %q", name, text, err, want)
	}
}

// tellsFigures looks for the metrics that people have built dashboards on.
func (n *node) tellsFigures(t *testing.T) {
	t.Helper()
	page := get(t, "http://"+n.driver.address(t, "metrics")+"/metrics")
	for _, line := range []string{
		`node_publish_total\{os_type="linux",provider="azure"\} 4`,
		`node_publish_error_total\{error_type="SecretProviderClassNotFound",os_type="linux",provider="[a-z]*"\} 1`,
		`node_unpublish_total\{os_type="linux"\} 1`,
		`rotation_reconcile_total\{os_type="linux",provider="azure",rotated="true"\} 2`,
		`rotation_reconcile_duration_sec_count\{os_type="linux"\} 2`,
		`strongroom_served_age_seconds_count\{state="stale"\} 1`,
		`strongroom_oldest_served_age_seconds [0-9.e-]+`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(page) {
			t.Errorf("the driver's metrics lack %s in\n%s", line, ours(page))
		}
	}
	page = get(t, "http://"+n.provider.address(t, "metrics")+"/metrics")
	for _, line := range []string{
		`keyvault_request_count\{error="",object_type="secret",os_type="linux",provider="azure",service_name="csi-secrets-store-provider-azure"\} [1-9]`,
		`grpc_request_count\{grpc_code="OK",grpc_method="/v1alpha1.CSIDriverProvider/Mount",.*\} 4`,
		`strongroom_azure_requests_total\{service="keyvault",status_class="2xx"\} [1-9]`,
	} {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(page) {
			t.Errorf("the provider's metrics lack %s in\n%s", line, ours(page))
		}
	}
}

// ours leaves out the figures of Go and of the process.
func ours(page string) string {
	return regexp.MustCompile(`(?m)^(#|go_|process_|promhttp_|.*_bucket).*\n`).ReplaceAllString(page, "")
}

// endsCleanly stops both programs as a node does: exit code 0, no socket left, and nothing secret was ever logged.
func (n *node) endsCleanly(t *testing.T) {
	t.Helper()
	for _, program := range []*program{n.driver, n.provider} {
		if code := program.end(); code != 0 {
			t.Errorf("exit code %d\n%s", code, program.log.String())
		}
		log := program.log.String() + program.out.String()
		for _, value := range append([]string{"eyJ"}, planted...) {
			if strings.Contains(log, value) {
				t.Errorf("the log says %q:\n%s", value, log)
			}
		}
	}
	for _, path := range []string{n.driverSocket, n.providerSocket} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s was left behind: %v", path, err)
		}
	}
	if log := n.driver.log.String(); !strings.Contains(log, "mounted content was rotated") || !strings.Contains(log, "last known good") {
		t.Errorf("the driver's log lacks the rotation or the outage:\n%s", log)
	}
}
