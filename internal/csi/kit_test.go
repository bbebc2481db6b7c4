package csi_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"strongroom/internal/csi"
	"strongroom/internal/publish"
	"strongroom/internal/volume"
)

// volumeContext is what a kubelet says of an inline volume, with the one attribute that must be there.
func volumeContext() map[string]string {
	return map[string]string{
		"csi.storage.k8s.io/pod.name":            "web-0",
		"csi.storage.k8s.io/pod.namespace":       "shop",
		"csi.storage.k8s.io/pod.uid":             "0b3c",
		"csi.storage.k8s.io/serviceAccount.name": "web",
		"csi.storage.k8s.io/ephemeral":           "true",
		"secretProviderClass":                    "vault",
	}
}

// target is where the volume is to be.
var target = hostPath("/var/lib/kubelet/pods/0b3c/volumes/kubernetes.io~csi/secrets/mount")

// hostPath spells a path as the system that runs the tests does.
func hostPath(path string) string {
	if runtime.GOOS == "windows" {
		return "C:" + filepath.FromSlash(path)
	}
	return path
}

func publishRequest() *spec.NodePublishVolumeRequest {
	return &spec.NodePublishVolumeRequest{
		VolumeId:   "csi-1",
		TargetPath: target,
		Readonly:   true,
		VolumeCapability: &spec.VolumeCapability{
			AccessType: &spec.VolumeCapability_Mount{Mount: &spec.VolumeCapability_MountVolume{}},
		},
		VolumeContext: volumeContext(),
	}
}

// publisher remembers what it was asked and answers as told.
type publisher struct {
	publish   func(ctx context.Context, v publish.Volume) error
	unpublish func(id, target string) error
}

func (p publisher) Publish(ctx context.Context, v publish.Volume) error { return p.publish(ctx, v) }
func (p publisher) Unpublish(_ context.Context, id, target string) error {
	return p.unpublish(id, target)
}

type stats func(target string) (volume.Stats, error)

func (s stats) Stats(target string) (volume.Stats, error) { return s(target) }

// socketDir is short enough for a socket, which t.TempDir of a long test name is not.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "csi")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// serve runs the server on a socket of its own until the test ends, and gives the address to dial.
func serve(t *testing.T, s csi.Server) (address string) {
	t.Helper()
	path := filepath.Join(socketDir(t), "csi.sock")
	s.Endpoint, address = "unix://"+path, "unix:"+path
	if runtime.GOOS == "windows" { // Wine, where these tests are run, has no unix sockets
		s.Endpoint = "tcp://127.0.0.1:0"
	}
	listener, err := csi.Listen(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		address = listener.Addr().String()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket was left behind")
		}
	})
	return address
}

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
