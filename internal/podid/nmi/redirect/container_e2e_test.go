//go:build e2e && linux

package redirect_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"strongroom/internal/fault"
)

// asContainer mounts the node's / read-only beneath a directory, as NMI's container has it. What is mounted beneath / comes
// along as it is.
func (w *world) asContainer() (root string) {
	w.t.Helper()
	root = filepath.Join(w.t.TempDir(), "host")
	if err := os.Mkdir(root, 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := unix.Mount("/", root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
			w.t.Error(err)
		}
	})
	readOnly(w.t, root)
	return root
}

func readOnly(t *testing.T, mount string) {
	t.Helper()
	if err := unix.Mount("", mount, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

func TestRedirectFromAContainer(t *testing.T) {
	each(t, func(w *world) {
		c := config()
		c.HostRoot = w.asContainer()
		r := w.redirect(c)
		w.ensure(r)
		w.podGets(metadataURL, "nmi to 10.88.0.2")
		if err := r.Remove(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.podGets(metadataURL, "azure to 10.88.0.2")
	})
}

// Where the setting cannot be written, it is told how to mend that, and pods reach nobody rather than the node's identities.
func TestRedirectWithoutTheSetting(t *testing.T) {
	each(t, func(w *world) {
		c := config()
		c.HostRoot = w.asContainer()
		sys := filepath.Join(c.HostRoot, "proc/sys")
		if err := unix.Mount(sys, sys, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		readOnly(t, sys)
		r := w.redirect(c)
		err := r.Ensure(context.Background())
		if fault.KindOf(err) != fault.Denied || !strings.Contains(fault.Explain(err), "route_localnet=1 on the node") || r.Standing() {
			t.Errorf("%s, standing %t", fault.Explain(err), r.Standing())
		}
		w.podGets(metadataURL, "")
		w.node("sysctl -q -w net.ipv4.conf.all.route_localnet=1")
		w.ensure(r)
		w.podGets(metadataURL, "nmi to 10.88.0.2")
	})
}
