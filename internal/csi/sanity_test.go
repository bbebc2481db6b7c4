package csi_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"strongroom/internal/csi"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// inSanity is set in the process that runs the suite, which can run but once in a process.
const inSanity = "CSI_TEST_SANITY"

// The official suite, against the driver's services over a real volume.Manager on plain directories. Two things in it
// suit no driver of inline volumes: it makes volumes through a controller, so the test has one, of which the driver
// itself says nothing; and it publishes writable. An interceptor in the suite's client bridges both.
func TestSanity(t *testing.T) {
	if os.Getenv(inSanity) != "" {
		runSanity(t)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSanity$", "-test.v", "-ginkgo.no-color")
	cmd.Env = append(os.Environ(), inSanity+"=yes")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	counts := regexp.MustCompile(`sanity: (\d+) passed, (\d+) failed, (\d+) skipped`).FindSubmatch(out)
	if counts == nil {
		t.Fatalf("no counts in\n%s", out)
	}
	t.Logf("%s", counts[0])
	if passed, _ := strconv.Atoi(string(counts[1])); passed < 15 || string(counts[2]) != "0" {
		t.Errorf("too little passed:\n%s", out)
	}
}

func runSanity(t *testing.T) {
	dir := t.TempDir()
	volumes := volume.New(volume.Config{Mount: volume.Plain})
	driver := serve(t, csi.Server{
		Name: "secrets-store.csi.k8s.io", Version: "test", NodeID: "node-1",
		Publisher: onDisk{volumes}, Stats: volumes,
	})

	config := sanity.NewTestConfig()
	config.Address = driver
	config.ControllerAddress = serveController(t, filepath.Join(dir, "c.sock"))
	config.TargetPath = filepath.Join(dir, "target")
	config.StagingPath = filepath.Join(dir, "staging")
	config.DialOptions = []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(asInline),
	}
	ginkgo.ReportAfterSuite("counts", func(report ginkgo.Report) {
		n := map[types.SpecState]int{}
		for _, s := range report.SpecReports.WithLeafNodeType(types.NodeTypeIt) {
			n[s.State]++
		}
		passed, skipped := n[types.SpecStatePassed], n[types.SpecStateSkipped]+n[types.SpecStatePending]
		all := len(report.SpecReports.WithLeafNodeType(types.NodeTypeIt))
		fmt.Printf("\nsanity: %d passed, %d failed, %d skipped as not advertised\n", passed, all-passed-skipped, skipped)
	})
	sanity.Test(t, config)
}

// asInline sets Readonly, as a kubelet does by the pod's manifest, and lets the suite believe in a controller service,
// without which it would leave out its tests of the whole life of a volume and of repeated calls.
func asInline(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if r, ok := req.(*spec.NodePublishVolumeRequest); ok {
		r.Readonly = true
	}
	err := invoke(ctx, method, req, reply, conn, opts...)
	if r, ok := reply.(*spec.GetPluginCapabilitiesResponse); ok {
		service := &spec.PluginCapability_Service{Type: spec.PluginCapability_Service_CONTROLLER_SERVICE}
		r.Capabilities = append(r.Capabilities, &spec.PluginCapability{Type: &spec.PluginCapability_Service_{Service: service}})
	}
	return err
}

// onDisk publishes one file without asking anybody.
type onDisk struct{ volumes *volume.Manager }

func (o onDisk) Publish(_ context.Context, v publish.Volume) error {
	if _, err := o.volumes.Ensure(v.Target); err != nil {
		return err
	}
	file := secret.File{Path: "password", Mode: 0o644, Contents: secret.NewValue([]byte("hunter2"))}
	_, err := o.volumes.Write(v.Target, []secret.File{file}, v.Group)
	return err
}

func (o onDisk) Unpublish(_ context.Context, _, target string) error { return o.volumes.Remove(target) }

// controller makes volumes out of nothing; the context is what a kubelet would say of an inline volume.
type controller struct {
	spec.UnimplementedControllerServer
	spec.UnimplementedIdentityServer
	made atomic.Int64
}

func (c *controller) CreateVolume(context.Context, *spec.CreateVolumeRequest) (*spec.CreateVolumeResponse, error) {
	id := fmt.Sprintf("csi-%d", c.made.Add(1))
	return &spec.CreateVolumeResponse{Volume: &spec.Volume{VolumeId: id, VolumeContext: volumeContext()}}, nil
}

func (c *controller) DeleteVolume(context.Context, *spec.DeleteVolumeRequest) (*spec.DeleteVolumeResponse, error) {
	return &spec.DeleteVolumeResponse{}, nil
}

func (c *controller) ControllerGetCapabilities(context.Context, *spec.ControllerGetCapabilitiesRequest) (*spec.ControllerGetCapabilitiesResponse, error) {
	return &spec.ControllerGetCapabilitiesResponse{}, nil
}

// ValidateVolumeCapabilities knows the volumes it made.
func (c *controller) ValidateVolumeCapabilities(_ context.Context, req *spec.ValidateVolumeCapabilitiesRequest) (*spec.ValidateVolumeCapabilitiesResponse, error) {
	switch {
	case req.GetVolumeId() == "" || len(req.GetVolumeCapabilities()) == 0:
		return nil, status.Error(codes.InvalidArgument, "volume id or capabilities missing")
	case !strings.HasPrefix(req.GetVolumeId(), "csi-"):
		return nil, status.Error(codes.NotFound, "no such volume")
	}
	return &spec.ValidateVolumeCapabilitiesResponse{
		Confirmed: &spec.ValidateVolumeCapabilitiesResponse_Confirmed{VolumeCapabilities: req.GetVolumeCapabilities()},
	}, nil
}

func (c *controller) GetPluginInfo(context.Context, *spec.GetPluginInfoRequest) (*spec.GetPluginInfoResponse, error) {
	return &spec.GetPluginInfoResponse{Name: "controller.test", VendorVersion: "test"}, nil
}

func (c *controller) GetPluginCapabilities(context.Context, *spec.GetPluginCapabilitiesRequest) (*spec.GetPluginCapabilitiesResponse, error) {
	return &spec.GetPluginCapabilitiesResponse{}, nil
}

func (c *controller) Probe(context.Context, *spec.ProbeRequest) (*spec.ProbeResponse, error) {
	return &spec.ProbeResponse{}, nil
}

func serveController(t *testing.T, path string) (address string) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c := &controller{}
	server := grpc.NewServer()
	spec.RegisterControllerServer(server, c)
	spec.RegisterIdentityServer(server, c)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "unix:" + path
}
