package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	storagev1 "k8s.io/api/storage/v1"

	"strongroom/e2e/node"
)

// Where the kubelet, the driver and the provider meet.
const (
	driverSocket       = "/var/lib/kubelet/plugins/csi-secrets-store/csi.sock"
	registrationSocket = "/var/lib/kubelet/plugins_registry/secrets-store.csi.k8s.io-reg.sock"
	providerSocket     = "/var/run/secrets-store-csi-providers/azure.sock"
)

// NoSockets waits until no socket of the product's and no registration with the kubelet is left. They go with the
// processes, and those end a moment after Helm has done: it waits for the DaemonSets alone.
func NoSockets(t testing.TB) {
	t.Helper()
	Eventually(t, "no socket", func() error {
		for _, path := range []string{driverSocket, registrationSocket, providerSocket} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is left: %v", path, err)
			}
		}
		return nil
	})
	Await(t, CSINodes, "", node.Name, func(n *storagev1.CSINode) error {
		for _, d := range n.Spec.Drivers {
			if d.Name == DriverName {
				return errors.New("it lists the driver")
			}
		}
		return nil
	})
}

// AwaitUnmounted waits until nothing is mounted on the node whose path holds the text, such as a pod's UID.
func AwaitUnmounted(t testing.TB, text string) {
	t.Helper()
	Eventually(t, "unmounted", func() error {
		if left := Mounts(t, text); len(left) > 0 {
			return errors.New(strings.Join(left, ", "))
		}
		return nil
	})
}
