package attack

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	gstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/api/secretsstore"
	"strongroom/internal/podstatus"
)

// alone is set in the environment of a test that runs in a process of its own.
const alone = "STRONGROOM_TEST_ALONE"

// runAlone runs this test in a process of its own, with a working directory and a TMPDIR that must be empty afterwards.
func runAlone(t *testing.T) {
	t.Helper()
	temp, work := shortDir(t), t.TempDir()
	program, err := os.Executable()
	must(t, err)
	c := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	c.Dir, c.Env = work, append(os.Environ(), alone+"=1", "TMPDIR="+temp)
	if said, err := c.CombinedOutput(); err != nil || !strings.Contains(string(said), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, dir := range []string{temp, work} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// onTheWire asks the driver for the pod's volume, and then the provider as a driver would, and writes down everything
// that comes back by the sockets beside files: status, details, headers, trailers.
func (p *pod) onTheWire(into *logged) {
	p.t.Helper()
	call := func(name string, do func(*grpc.ClientConn, ...grpc.CallOption) (fmt.Stringer, error)) {
		conn, err := grpc.NewClient("unix:"+filepath.Join(p.sockets, name), grpc.WithTransportCredentials(insecure.NewCredentials()))
		must(p.t, err)
		defer func() { _ = conn.Close() }()
		var header, trailer metadata.MD
		answer, err := do(conn, grpc.Header(&header), grpc.Trailer(&trailer))
		fmt.Fprintf(into, "%s %v %s %v %v\n", name, answer, prototext.Format(gstatus.Convert(err).Proto()), header, trailer)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), p.patience)
	defer cancel()
	request := p.request()
	call("csi.sock", func(conn *grpc.ClientConn, how ...grpc.CallOption) (fmt.Stringer, error) {
		return spec.NewNodeClient(conn).NodePublishVolume(ctx, request, how...)
	})
	p.node.mu.Lock()
	attributes := maps.Clone(p.classes[p.namespace+"/"+p.class])
	p.node.mu.Unlock()
	maps.Copy(attributes, request.GetVolumeContext())
	call("azure.sock", func(conn *grpc.ClientConn, how ...grpc.CallOption) (fmt.Stringer, error) {
		answer, err := api.NewCSIDriverProviderClient(conn).Mount(ctx, &api.MountRequest{
			Attributes: string(mustJSON(attributes)), Secrets: string(mustJSON(p.secrets)), TargetPath: p.target, Permission: "420",
		}, how...)
		for _, file := range answer.GetFiles() {
			file.Contents = nil
		}
		return answer, err
	})
}

// objects is a cluster's memory of statuses and events: it writes all of it down, and says when so many objects are there.
type objects struct {
	into *logged
	want int
	all  func()

	mu    sync.Mutex
	names map[string]bool
}

// List implements podstatus.Statuses.
func (o *objects) List(context.Context) ([]secretsstore.PodStatus, error) { return nil, nil }

// Write implements podstatus.Statuses.
func (o *objects) Write(_ context.Context, s secretsstore.PodStatus) error {
	fmt.Fprintf(o.into, "%s %+v\n", mustJSON(s), s)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.names[s.Name] = true; len(o.names) == o.want {
		o.all()
	}
	return nil
}

// Event implements podstatus.Events.
func (o *objects) Event(about podstatus.About, warning bool, reason, message string) {
	fmt.Fprintln(o.into, about, warning, reason, message)
}

func (n *node) recorded() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.records)
}

// statuses writes down the objects and events that come of the records since then, those of so many pods.
func (n *node) statuses(since, pods int, into *logged) {
	n.t.Helper()
	ctx, stop := context.WithCancel(n.t.Context())
	defer stop()
	cluster := &objects{into: into, want: pods, all: stop, names: map[string]bool{}}
	recorder := podstatus.New(podstatus.Config{Node: "node-1", Statuses: cluster, Events: cluster, Clock: n.clock})
	n.mu.Lock()
	for _, r := range n.records[since:] {
		recorder.Published(r)
	}
	n.mu.Unlock()
	var group errgroup.Group
	group.Go(func() error { return recorder.Run(ctx) })
	must(n.t, group.Wait())
}
