package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	gstatus "google.golang.org/grpc/status"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/keyvault"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/csi"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/azure"
	"strongroom/internal/provider/socket"
	"strongroom/internal/publish"
	"strongroom/internal/share"
	"strongroom/internal/telemetry"
	"strongroom/internal/volume"
)

const (
	tenant   = "11111111-2222-3333-4444-555555555555"
	client   = "aaaaaaaa-2222-3333-4444-555555555555"
	exchange = "api://AzureADTokenExchange"
	binding  = "api://AKSIdentityBinding"
	issuer   = "https://issuer.fake.localhost"
)

// settings are what tests change of a node before it is built.
type settings struct {
	clock     clock.Clock
	azure     azure.Config
	share     share.Config
	transport transport.Config
	server    socket.ServerConfig
	dir       socket.Config
	publish   publish.Config
	provider  provider.Provider // in place of the Azure provider
	warm      func(context.Context, string)
	raw       func(net.Listener) // serves the plugin socket itself until it is closed
	patience  time.Duration      // of whoever mounts; 0 is 90 s, less than a kubelet's
	arrived   func()             // is told of each mount when it has reached the provider; nil is not told
	json      *logged            // gets every log line as JSON, too; nil is not wanted
}

// unhurried takes every bound by the machine's own clock out of a node. It is for tests that hold requests back until
// many pods have come: how long that takes is the machine's affair, and a bound that ends it earlier would be taken for
// what they look at.
func unhurried(s *settings) {
	const ages = time.Hour // the test's own bound comes first
	s.transport.DialTimeout, s.transport.HeaderTimeout, s.transport.Timeout = ages, ages, ages
	s.dir.Timeout, s.dir.Connect, s.patience = ages, ages, ages
}

// node is one machine: driver and provider with everything between them real, sockets included.
type node struct {
	t        *testing.T
	azure    *fakeAzure
	clock    clock.Clock
	csi      spec.NodeClient
	pool     *share.Pool
	log      *logged
	metrics  *telemetry.Metrics
	root     string        // where volumes are
	sockets  string        // where azure.sock and csi.sock are
	patience time.Duration // of whoever mounts

	mu      sync.Mutex
	classes map[string]map[string]string // namespace/name -> parameters
	records []publish.Record
	calls   int
}

func newNode(t *testing.T, change ...func(*settings)) *node {
	t.Helper()
	return nodeAt(t, newAzure(t), change...)
}

func nodeAt(t *testing.T, f *fakeAzure, change ...func(*settings)) *node {
	t.Helper()
	n := &node{t: t, azure: f, log: &logged{}, metrics: telemetry.NewMetrics("test"), root: t.TempDir(), classes: map[string]map[string]string{}}
	s := settings{clock: clock.Real{}, publish: publish.Config{Interval: 0}}
	s.transport = transport.Config{CA: f.ca, CAOnly: true}
	for _, c := range change {
		c(&s)
	}
	n.clock, n.patience = s.clock, s.patience
	if n.patience == 0 {
		n.patience = 90 * time.Second
	}
	log := telemetry.NewLogger(n.log, telemetry.LogConfig{Level: slog.LevelDebug})
	if s.json != nil {
		log = slog.New(slog.NewMultiHandler(log.Handler(), telemetry.NewLogger(s.json, telemetry.LogConfig{Level: slog.LevelDebug, JSON: true}).Handler()))
	}
	sockets := shortDir(t)
	n.sockets = sockets
	n.plugin(&s, filepath.Join(sockets, "azure.sock"), log)

	s.dir.Dirs = []string{sockets}
	if s.dir.Clock == nil {
		s.dir.Clock = s.clock
	}
	directory := socket.New(s.dir)
	t.Cleanup(func() { _ = directory.Close() })
	volumes := volume.New(volume.Config{Mount: volume.Plain, Clock: s.clock})
	s.publish.Classes, s.publish.Providers, s.publish.Volumes, s.publish.Clock, s.publish.Recorder = n, directory, volumes, s.clock, n
	endpoint := filepath.Join(sockets, "csi.sock")
	driver := csi.Server{Name: secretsstore.DriverName, Version: "test", NodeID: "n", Endpoint: "unix://" + endpoint, Publisher: publish.New(s.publish), Stats: volumes, Log: log}
	listener, err := csi.Listen(driver.Endpoint)
	must(t, err)
	run(t, func(ctx context.Context) error { return driver.Serve(ctx, listener) })
	conn, err := grpc.NewClient("unix:"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	n.csi = spec.NewNodeClient(conn)
	return n
}

// plugin serves the plugin socket.
func (n *node) plugin(s *settings, path string, log *slog.Logger) {
	n.t.Helper()
	if s.raw != nil {
		listener, err := net.Listen("unix", path)
		must(n.t, err)
		n.t.Cleanup(func() { _ = listener.Close() })
		go s.raw(listener)
		return
	}
	if s.provider == nil {
		s.provider = n.azureProvider(s)
	}
	if s.arrived != nil {
		s.provider = attended{s.provider, s.arrived}
	}
	s.server.Socket, s.server.Provider, s.server.Log, s.server.Meter = path, s.provider, log, n.metrics
	if s.server.Clock == nil {
		s.server.Clock = s.clock
	}
	server, err := socket.NewServer(s.server)
	must(n.t, err)
	must(n.t, server.Listen())
	run(n.t, server.Run)
}

func (n *node) azureProvider(s *settings) provider.Provider {
	n.t.Helper()
	clients, err := transport.New(s.transport)
	must(n.t, err)
	n.t.Cleanup(clients.Close)
	s.share.Clock = s.clock
	n.pool = share.New(s.share)
	c := s.azure
	c.Tokens = token.New(token.Config{
		HTTP: clients.Azure, Direct: clients.Direct, Clock: s.clock, IMDS: n.azure.imds, NMI: n.azure.nmi,
		Binding: token.Binding{URL: "https://proxy.fake.localhost:" + n.azure.port, SNI: "proxy.fake.localhost", CA: func() ([]byte, error) { return n.azure.ca, nil }},
	})
	c.Vaults = keyvault.New(keyvault.Config{HTTP: clients.Azure, Clock: s.clock})
	c.Pool, c.Clock, c.Warm, c.Observer = n.pool, s.clock, clients.Warm, observer{n.metrics}
	if s.warm != nil {
		c.Warm = s.warm
	}
	if c.Cloud == (cloud.Cloud{}) {
		c.Cloud = n.azure.cloud("vault.fake.localhost")
	}
	return azure.New(c)
}

// attended tells of each mount that reaches the provider. How fresh its content must be is decided by then.
type attended struct {
	provider.Provider
	arrived func()
}

func (a attended) Mount(ctx context.Context, req provider.Request) (provider.Response, error) {
	a.arrived()
	return a.Provider.Mount(ctx, req)
}

// cloud is the fake as a cloud, with vaults under one of its suffixes.
func (f *fakeAzure) cloud(suffix string) cloud.Cloud {
	return cloud.Cloud{Name: "Fake", Authority: "https://login.fake.localhost:" + f.port, VaultSuffix: suffix + ":" + f.port, VaultResource: "https://" + suffix}
}

type observer struct{ metrics *telemetry.Metrics }

func (o observer) Called(service, _ string, _ time.Duration, err error) {
	code := 200
	var e *fault.Error
	if ok := asFault(err, &e); ok {
		code = e.Remote.Status
	}
	o.metrics.AzureRequest(service, code)
}

func asFault(err error, into **fault.Error) bool {
	e, ok := err.(*fault.Error)
	if ok {
		*into = e
	}
	return ok
}

// Class implements publish.Classes.
func (n *node) Class(_ context.Context, namespace, name string) (secretsstore.Class, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	parameters, ok := n.classes[namespace+"/"+name]
	if !ok {
		return secretsstore.Class{}, fault.New(fault.NotFound, name, "no such class")
	}
	name = "azure"
	if other, there := parameters["provider"]; there {
		name = other
	}
	return secretsstore.Class{Spec: secretsstore.Spec{Provider: name, Parameters: maps.Clone(parameters)}}, nil
}

// Published implements publish.Recorder.
func (n *node) Unpublished(string, error) {}
func (n *node) Forgotten(string)          {}

func (n *node) Published(r publish.Record) {
	if r.Err != nil {
		n.metrics.PublishFailed(r.Provider, fault.KindOf(r.Err).String())
	}
	n.metrics.ServedAge(r.Age, r.Err != nil)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records = append(n.records, r)
}

// last is what the recorder was told last.
func (n *node) last() publish.Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.records) == 0 {
		return publish.Record{}
	}
	return n.records[len(n.records)-1]
}

// page is the metrics as anybody can read them.
func (n *node) page() string {
	w := httptest.NewRecorder()
	n.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// pod is one consumer with one volume.
type pod struct {
	*node
	namespace, name, account, class string
	target                          string
	context                         map[string]string // beside what the kubelet states
	secrets                         map[string]string
	tokens                          string
}

// pod makes a pod of ServiceAccount shop/web with a class of its own and workload identity.
func (n *node) pod(parameters map[string]string) *pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	id := fmt.Sprintf("pod-%d", n.calls)
	p := &pod{node: n, namespace: "shop", name: id, account: "web", class: id, target: filepath.Join(n.root, id, "mount"), context: map[string]string{}}
	n.classes["shop/"+id] = parameters
	p.tokens = n.tokens(p.namespace, p.account)
	return p
}

func (n *node) reclass(p *pod, parameters map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.classes[p.namespace+"/"+p.class] = parameters
}

// tokens are what a kubelet sends of an account.
func (n *node) tokens(namespace, account string) string {
	list := map[string]any{}
	for _, audience := range []string{exchange, binding} {
		list[audience] = map[string]any{"token": n.token(namespace, account, audience, nil)}
	}
	text, _ := json.Marshal(list)
	return string(text)
}

func (n *node) token(namespace, account, audience string, change map[string]any) string {
	now := n.clock.Now()
	claims := map[string]any{
		"iss": issuer, "sub": "system:serviceaccount:" + namespace + ":" + account, "aud": []string{audience},
		"nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, change)
	return jwt(claims)
}

// parameters are those of a class with workload identity and these secrets, changed as said: key, value, ...
func parameters(objects string, change ...string) map[string]string {
	m := map[string]string{"keyvaultName": "kv-one", "tenantId": tenant, "clientID": client, "objects": objects}
	for i := 0; i+1 < len(change); i += 2 {
		m[change[i]] = change[i+1]
		if change[i+1] == "" {
			delete(m, change[i])
		}
	}
	return m
}

// secrets writes the objects of a class: names of secrets, or whole fields after a comma.
func secrets(list ...string) string {
	var b strings.Builder
	b.WriteString("array:\n")
	for _, item := range list {
		name, more, _ := strings.Cut(item, ",")
		fmt.Fprintf(&b, "  - |\n    objectType: secret\n    objectName: %q\n", name)
		for field := range strings.SplitSeq(more, ",") {
			if field != "" {
				fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(field))
			}
		}
	}
	return b.String()
}

func (p *pod) request() *spec.NodePublishVolumeRequest {
	volumeContext := map[string]string{
		secretsstore.AttrPodName: p.name, secretsstore.AttrPodNamespace: p.namespace, secretsstore.AttrPodUID: p.name + "-uid",
		secretsstore.AttrServiceAccount: p.account, secretsstore.AttrEphemeral: "true", secretsstore.AttrClass: p.class,
	}
	if p.tokens != "" {
		volumeContext[secretsstore.AttrServiceAccountToken] = p.tokens
	}
	maps.Copy(volumeContext, p.context)
	return &spec.NodePublishVolumeRequest{
		VolumeId: p.name, TargetPath: p.target, Readonly: true, VolumeContext: volumeContext, Secrets: p.secrets,
		VolumeCapability: &spec.VolumeCapability{AccessType: &spec.VolumeCapability_Mount{Mount: &spec.VolumeCapability_MountVolume{}}},
	}
}

// mount is the kubelet's call, the first or a repeated one.
func (p *pod) mount() error {
	ctx, cancel := context.WithTimeout(p.t.Context(), p.patience)
	defer cancel()
	_, err := p.csi.NodePublishVolume(ctx, p.request())
	return err
}

func (p *pod) mustMount() {
	p.t.Helper()
	if err := p.mount(); err != nil {
		p.t.Fatal(err)
	}
	if r := p.last(); r.Err != nil {
		p.t.Fatal(r.Err)
	}
}

func (p *pod) unmount() {
	p.t.Helper()
	_, err := p.csi.NodeUnpublishVolume(p.t.Context(), &spec.NodeUnpublishVolumeRequest{VolumeId: p.name, TargetPath: p.target})
	must(p.t, err)
}

// files are the volume's, as a pod's process finds them, by path.
func (p *pod) files() map[string]string {
	p.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(p.target, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(e.Name(), "..") && path != p.target {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 && info.IsDir() {
			return p.walkInto(path, found)
		}
		if !info.IsDir() {
			return p.read(path, path, found)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return found
}

func (p *pod) walkInto(link string, found map[string]string) error {
	real, err := filepath.EvalSymlinks(link)
	if err != nil {
		return err
	}
	return filepath.WalkDir(real, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return p.read(path, link+strings.TrimPrefix(path, real), found)
	})
}

func (p *pod) read(path, shown string, found map[string]string) error {
	content, err := os.ReadFile(path)
	name, _ := filepath.Rel(p.target, shown)
	found[filepath.ToSlash(name)] = string(content)
	return err
}

// refused checks that a first mount failed with one of the codes and left nothing behind, and gives its words.
func (p *pod) refused(err error, allowed ...codes.Code) string {
	p.t.Helper()
	code, ok := gstatus.Code(err), false
	for _, c := range allowed {
		ok = ok || c == code
	}
	if !ok {
		p.t.Errorf("answered %v, not %v: %v", code, allowed, err)
	}
	if _, err := os.Lstat(p.target); !os.IsNotExist(err) {
		p.t.Errorf("the target is still there: %v, %v", err, p.files())
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// logged is what every logger of a node wrote.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// run runs a service until the test ends.
func run(t *testing.T, serve func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return serve(ctx) })
	t.Cleanup(func() {
		stop()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// shortDir has a path short enough for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sr")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
