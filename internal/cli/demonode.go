package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	csipb "github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"strongroom/api/secretsstore"
	"strongroom/examples"
	"strongroom/internal/clock"
	"strongroom/internal/csi"
	"strongroom/internal/fault"
	"strongroom/internal/manifest"
	"strongroom/internal/provider/socket"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/telemetry"
	"strongroom/internal/volume"
)

// demoInterval is the demo's rotation interval: short, so that nobody waits.
const demoInterval = 2 * time.Second

// demoPod is one pod of the demo.
type demoPod struct {
	title     string
	example   string
	namespace string
	mode      secret.Mode
}

// demoPods are one pod per identity mode, and per spelling where modes have two.
func demoPods() []demoPod {
	return []demoPod{
		{"Workload identity of an application", "workload-identity.yaml", "default", secret.WorkloadIdentity},
		{"Workload identity of a user-assigned managed identity", "workload-identity-managed.yaml", "managed", secret.WorkloadIdentity},
		{"User-assigned managed identity", "user-assigned-identity.yaml", "default", secret.ManagedIdentity},
		{"User-assigned managed identity, in v1alpha1", "user-assigned-identity-v1alpha1.yaml", "legacy", secret.ManagedIdentity},
		{"System-assigned managed identity", "system-assigned-identity.yaml", "default", secret.ManagedIdentity},
		{"Pod identity", "pod-identity.yaml", "default", secret.PodIdentity},
		{"Identity binding", "identity-binding.yaml", "default", secret.IdentityBinding},
		{"Service principal", "service-principal.yaml", "default", secret.ServicePrincipal},
	}
}

// demoNode is a node in one process: provider and driver on their real sockets, and a kubelet's part played by a CSI
// client.
type demoNode struct {
	dir            string
	providerSocket string
	csiSocket      string
	session        *session
	services       []service
	close          []func()
	conn           *grpc.ClientConn
	metrics        *telemetry.Metrics
	recorder       *recorder
	classes        map[string]secretsstore.Class // by example

	mu      sync.Mutex
	records map[string]publish.Record // the last one of each target
}

func newDemoNode(session *session, azure *azureConfig) (*demoNode, error) {
	n := &demoNode{
		dir: session.dir, session: session,
		providerSocket: filepath.Join(session.dir, "providers", "azure.sock"),
		csiSocket:      filepath.Join(session.dir, "csi.sock"),
		metrics:        telemetry.NewMetrics(Version),
		records:        map[string]publish.Record{},
		classes:        map[string]secretsstore.Class{},
	}
	n.recorder = newRecorder(slog.New(slog.DiscardHandler), n.metrics, clock.Real{})
	if err := os.Mkdir(filepath.Dir(n.providerSocket), 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Internal, session.dir, "cannot be written in")
	}
	if err := n.loadClasses(); err != nil {
		return nil, err
	}
	parts, err := azure.build(nil)
	if err != nil {
		return nil, err
	}
	server, err := socket.NewServer(socket.ServerConfig{Socket: n.providerSocket, Provider: parts.provider, Version: Version})
	if err != nil {
		return nil, err
	}
	providers := socket.New(socket.Config{Dirs: []string{filepath.Dir(n.providerSocket)}})
	volumes := volume.New(volume.Config{Mount: volume.Plain})
	driver := &csiService{server: csi.Server{
		Endpoint: "unix://" + n.csiSocket, Name: driverName, Version: Version, NodeID: "node-1",
		Publisher: publish.New(publish.Config{
			Classes: n, Providers: providers, Volumes: volumes, Clock: clock.Real{}, Recorder: n, Interval: demoInterval,
			Sightings: seenAtStart{time.Now()},
		}),
		Stats: volumes,
	}}
	n.services = []service{server, driver}
	n.close = []func(){parts.clients.Close, func() { _ = providers.Close() }}
	n.conn, err = grpc.NewClient("unix:"+n.csiSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return n, err
}

// seenAtStart says that all pods of the demo were created when it began, as a node's watch of its pods would.
type seenAtStart struct{ at time.Time }

// FirstSeen implements publish.Sightings.
func (s seenAtStart) FirstSeen(secret.Pod) (time.Time, bool) { return s.at, true }

func (n *demoNode) loadClasses() error {
	for _, pod := range demoPods() {
		data, err := examples.Files.ReadFile(pod.example)
		if err != nil {
			return err
		}
		classes, err := manifest.Parse(pod.example, data)
		if err != nil {
			return err
		}
		if n.classes[pod.example], err = manifest.One(classes, ""); err != nil {
			return err
		}
	}
	return nil
}

// Class implements publish.Classes.
func (n *demoNode) Class(_ context.Context, namespace, name string) (secretsstore.Class, error) {
	for _, pod := range demoPods() {
		if class := n.classes[pod.example]; pod.namespace == namespace && class.Metadata.Name == name {
			return class, nil
		}
	}
	return secretsstore.Class{}, fault.New(fault.NotFound, "", "no class %q in namespace %s", name, namespace)
}

// Published implements publish.Recorder.
func (n *demoNode) Published(r publish.Record) {
	n.recorder.Published(r)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records[r.Target] = r
}

// Forgotten implements publish.Recorder.
func (n *demoNode) Forgotten(target string) { n.recorder.Forgotten(target) }

// Unpublished implements publish.Recorder.
func (n *demoNode) Unpublished(target string, err error) { n.recorder.Unpublished(target, err) }

func (n *demoNode) during(ctx context.Context, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, s := range n.services {
		if err := s.Listen(); err != nil {
			return err
		}
	}
	var group errgroup.Group
	for _, s := range n.services {
		group.Go(func() error { return s.Run(ctx) })
	}
	err := work(ctx)
	stop()
	if ended := group.Wait(); err == nil {
		return ended
	}
	return err
}

func (n *demoNode) remove() {
	_ = n.conn.Close()
	for _, end := range n.close {
		end()
	}
}

func (n *demoNode) target(pod demoPod, index int) string {
	return filepath.Join(n.dir, "pods", fmt.Sprintf("%s-%s-%d", pod.namespace, pod.example, index), "mount")
}

// publish says to the driver what a kubelet would.
func (n *demoNode) publish(ctx context.Context, pod demoPod, index int) (publish.Record, error) {
	tokens, err := n.session.tokens(pod.namespace, "default")
	if err != nil {
		return publish.Record{}, err
	}
	secrets := map[string]string{}
	if pod.mode == secret.ServicePrincipal {
		for key, value := range demoCredential() {
			secrets[key] = string(value.Reveal())
		}
	}
	target := n.target(pod, index)
	_, err = csipb.NewNodeClient(n.conn).NodePublishVolume(ctx, &csipb.NodePublishVolumeRequest{
		VolumeId: fmt.Sprintf("csi-%s-%d", pod.example, index), TargetPath: target, Readonly: true, Secrets: secrets,
		VolumeCapability: &csipb.VolumeCapability{
			AccessType: &csipb.VolumeCapability_Mount{Mount: &csipb.VolumeCapability_MountVolume{}},
			AccessMode: &csipb.VolumeCapability_AccessMode{Mode: csipb.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY},
		},
		VolumeContext: map[string]string{
			secretsstore.AttrClass:               n.classes[pod.example].Metadata.Name,
			secretsstore.AttrPodName:             fmt.Sprintf("demo-%d", index),
			secretsstore.AttrPodNamespace:        pod.namespace,
			secretsstore.AttrPodUID:              fmt.Sprintf("00000000-0000-0000-0000-%012d", index),
			secretsstore.AttrServiceAccount:      "default",
			secretsstore.AttrEphemeral:           "true",
			secretsstore.AttrServiceAccountToken: string(tokens.Reveal()),
		},
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.records[target], err
}

func (n *demoNode) unpublishAll(ctx context.Context) (int, error) {
	n.mu.Lock()
	targets := slices.Sorted(maps.Keys(n.records))
	n.mu.Unlock()
	for _, target := range targets {
		_, err := csipb.NewNodeClient(n.conn).NodeUnpublishVolume(ctx, &csipb.NodeUnpublishVolumeRequest{VolumeId: "csi", TargetPath: target})
		if err != nil {
			return 0, err
		}
		if _, err := os.Lstat(target); !os.IsNotExist(err) {
			return 0, fault.New(fault.Internal, target, "was left behind")
		}
	}
	return len(targets), nil
}
