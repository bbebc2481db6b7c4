//go:build linux

package kill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	csipb "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
	"strongroom/internal/secret"
)

const audience = "api://AzureADTokenExchange"

// node is one machine: an Azure, the two programs and what the kubelet made for them.
type node struct {
	t                *testing.T
	dir              string
	temporary        string // the programs' TMPDIR
	azure            *emulator.Emulator
	tokens           string
	driver, provider *process
	before           []string     // all paths, before anything ran
	answered         atomic.Int64 // calls
}

func newNode(t *testing.T, volumes int, backing string) *node {
	t.Helper()
	dir, err := os.MkdirTemp("", "srk") // a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, dir: dir, temporary: filepath.Join(dir, "tmp")}
	t.Cleanup(func() { n.giveUp() })
	for _, name := range []string{"tmp", "driver", "providers", "classes", "pods", "drafts"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n.serveAzure(volumes)
	n.driver = &process{t: t, temporary: n.temporary, args: []string{"driver",
		"--endpoint", "unix://" + n.csi(), "--nodeid", "node-1", "--provider-volume", filepath.Join(dir, "providers"),
		"--additional-provider-volume-paths", "", "--class-dir", filepath.Join(dir, "classes"), "--volumes", backing,
		"--rotation-poll-interval", "0s", "--metrics-addr", "", "--health-addr", ""}}
	ends := n.azure.Endpoints()
	n.provider = &process{t: t, temporary: n.temporary, args: []string{"provider",
		"--endpoint", "unix://" + filepath.Join(dir, "providers", "azure.sock"), "--ca-file", filepath.Join(dir, "ca.pem"),
		"--cloud-file", filepath.Join(dir, "cloud.json"), "--imds-endpoint", ends.IMDS["node-1"],
		"--healthz-port", "-1", "--prometheus-port", "-1"}}
	return n
}

func (n *node) csi() string { return filepath.Join(n.dir, "driver", "csi.sock") }

// serveAzure runs an Azure with one vault and one secret for each volume, which nobody else asks for.
func (n *node) serveAzure(volumes int) {
	n.t.Helper()
	text := bytes.NewBufferString(`tenants:
  - {id: 2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10, domain: contoso.example}
nodes:
  - {name: node-1}
applications:
  - name: app
    clientId: 9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01
    federatedCredentials:
      - {name: pods, subject: "system:serviceaccount:default:default"}
vaults:
  - name: kill
    authorization: rbac
    limit: 0
    roleAssignments:
      - {principal: app, role: Key Vault Secrets User}
    objects:
`)
	for i := range volumes {
		fmt.Fprintf(text, "      - {kind: secret, name: %s, versions: [{value: %q}]}\n", secretOf(i), value(0))
	}
	document, err := state.Parse(bytes.Replace(text.Bytes(), []byte("    limit: 0\n"), nil, 1), os.DirFS("."))
	if err != nil {
		n.t.Fatal(err)
	}
	if n.azure, err = emulator.New(emulator.Config{Document: document}); err != nil {
		n.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.azure.Run(ctx) }()
	n.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			n.t.Error(err)
		}
	})
	for name, content := range map[string][]byte{"ca.pem": n.azure.CA(), "cloud.json": n.azure.CloudFile()} {
		if err := os.WriteFile(filepath.Join(n.dir, name), content, 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
	token, expires, err := n.azure.ServiceAccountToken("default", "default", audience, 12*time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	tokens, err := json.Marshal(map[string]any{audience: map[string]string{"token": token, "expirationTimestamp": expires.UTC().Format(time.RFC3339)}})
	if err != nil {
		n.t.Fatal(err)
	}
	n.tokens = string(tokens)
}

func secretOf(volume int) string { return fmt.Sprintf("s%d", volume) }

// rotate gives a volume's secret its next value.
func (n *node) rotate(volume, to int) {
	if _, err := n.azure.Vaults().SetSecret("kill", secretOf(volume), secret.NewValue([]byte(value(to)))); err != nil {
		n.t.Error(err)
	}
}

// dial is a kubelet's connection, which it makes anew for each driver.
func (n *node) dial() (csipb.NodeClient, func()) {
	conn, err := grpc.NewClient("unix://"+n.csi(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		n.t.Fatal(err)
	}
	return csipb.NewNodeClient(conn), func() { _ = conn.Close() }
}

// giveUp ends what a failed test left running.
func (n *node) giveUp() {
	n.driver.kill()
	n.provider.kill()
	unmountAll(n.dir)
	_ = os.RemoveAll(n.dir)
}

// process is one of the two programs: dead, or serving.
type process struct {
	t         *testing.T
	args      []string
	temporary string

	mu  sync.Mutex
	cmd *exec.Cmd
	log bytes.Buffer // of the present process
	end chan error

	serving chan struct{} // closed when the present process serves, or is dead
}

func (p *process) alive() bool { return p.cmd != nil }

// begin starts the program.
func (p *process) begin() {
	path := os.Getenv(programEnv)
	cmd := exec.Command(path, p.args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+p.temporary)
	if path == "" {
		cmd = exec.Command(os.Args[0], p.args...)
		cmd.Env = append(os.Environ(), "TMPDIR="+p.temporary, asProgram+"=1")
	}
	errors, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.log.Reset()
	p.cmd, p.end, p.serving = cmd, make(chan error, 1), make(chan struct{})
	ready, end := p.serving, p.end
	go func() {
		told := false
		lines := bufio.NewScanner(errors)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			if !told && strings.Contains(lines.Text(), p.args[0]+" serving") {
				told = true
				close(ready)
			}
		}
		if !told {
			close(ready)
		}
		end <- cmd.Wait()
	}()
}

// kill ends the program as nothing but SIGKILL does.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.end
	p.cmd = nil
}

// stop ends it as a node does.
func (p *process) stop() {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Error(err)
	}
	if err := <-p.end; err != nil {
		p.t.Errorf("%s: %v\n%s", p.args[0], err, p.said())
	}
	p.cmd = nil
}

// said is the end of the log.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := p.log.String()
	return text[max(0, len(text)-6000):]
}
