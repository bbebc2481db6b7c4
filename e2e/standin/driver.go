// Package standin is a CSI driver inside the test process, which shares the node's mounts. It stands in for drivers that
// are not ours: what a volume of another driver looks like is said by the test.
package standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const kubeletDir = "/var/lib/kubelet"

// Driver is a driver to serve. Name and Publish are required.
type Driver struct {
	// Name of the CSIDriver object.
	Name string
	// Node is what the driver calls the node.
	Node string
	// Dir is the plugin directory's name; empty is Name.
	Dir string
	// Publish fills a target, the first time and each time the kubelet asks again.
	Publish func(*csi.NodePublishVolumeRequest) error
	// Unpublish empties it; nil unmounts and removes the target.
	Unpublish func(target string) error

	mu        sync.Mutex
	published []*csi.NodePublishVolumeRequest
	changed   chan struct{} // closed and replaced at each publish
	refused   error         // of the kubelet's registration
	accepted  chan struct{}
	servers   []*grpc.Server
}

// Serve listens, and tells the kubelet of it, until the test ends or Stop is called. It returns when the kubelet has
// accepted the driver.
func (d *Driver) Serve(t testing.TB) {
	t.Helper()
	d.changed, d.accepted = make(chan struct{}), make(chan struct{})
	d.listen(t, d.socket(), func(s *grpc.Server) {
		csi.RegisterIdentityServer(s, identity{d: d})
		csi.RegisterNodeServer(s, node{d: d})
	})
	d.listen(t, filepath.Join(kubeletDir, "plugins_registry", d.Name+"-reg.sock"), func(s *grpc.Server) {
		registration.RegisterRegistrationServer(s, registrar{d: d})
	})
	t.Cleanup(d.Stop)
	select {
	case <-d.accepted:
	case <-time.After(2 * time.Minute):
		t.Fatalf("the kubelet did not register %s", d.Name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refused != nil {
		t.Fatal(d.refused)
	}
}

// Stop ends the driver as a pod that is deleted does: its sockets go, and what it mounted stays.
func (d *Driver) Stop() {
	for _, s := range d.servers {
		s.Stop()
	}
}

func (d *Driver) socket() string {
	dir := d.Dir
	if dir == "" {
		dir = d.Name
	}
	return filepath.Join(kubeletDir, "plugins", dir, "csi.sock")
}

func (d *Driver) listen(t testing.TB, socket string, register func(*grpc.Server)) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	register(server)
	d.servers = append(d.servers, server)
	go func() { _ = server.Serve(listener) }() // Stop ends it
}

// Published waits until as many publishes were asked for, and gives them all.
func (d *Driver) Published(ctx context.Context, count int) ([]*csi.NodePublishVolumeRequest, error) {
	for {
		d.mu.Lock()
		list, changed := d.published, d.changed
		d.mu.Unlock()
		if len(list) >= count {
			return list, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return list, fmt.Errorf("%d of %d publishes: %w", len(list), count, context.Cause(ctx))
		}
	}
}

func (d *Driver) publish(r *csi.NodePublishVolumeRequest) error {
	err := d.Publish(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.published = append(d.published, r)
	close(d.changed)
	d.changed = make(chan struct{})
	return err
}

func (d *Driver) unpublish(target string) error {
	if d.Unpublish != nil {
		return d.Unpublish(target)
	}
	return Unmount(target)
}

// Tmpfs mounts an empty memory file system on a target, unless something is mounted there already.
func Tmpfs(target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	mounted, err := isMountPoint(target)
	if err != nil || mounted {
		return err
	}
	return os.NewSyscallError("mount", syscall.Mount("tmpfs", target, "tmpfs", 0, ""))
}

// Unmount unmounts a target and removes it; one that is gone is fine.
func Unmount(target string) error {
	if err := syscall.Unmount(target, 0); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		return os.NewSyscallError("unmount", err)
	}
	return os.RemoveAll(target)
}

func isMountPoint(dir string) (bool, error) {
	var here, above syscall.Stat_t
	if err := errors.Join(syscall.Stat(dir, &here), syscall.Stat(filepath.Dir(dir), &above)); err != nil {
		return false, err
	}
	return here.Dev != above.Dev, nil
}

// Target is where the kubelet keeps a pod's volume.
func Target(podUID, volume string) string {
	return filepath.Join(kubeletDir, "pods", podUID, "volumes", "kubernetes.io~csi", volume, "mount")
}
