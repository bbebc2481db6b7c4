package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
)

// guarded are the values of an operator who keeps pods' authors from the node's identities, as docs/flexvolume.md says.
const guarded = `
flexVolume: {enabled: true}
policy:
  rules:
  - namespaces: ["*"]
    modes: [pod-identity, service-principal]
`

// The driver appears in the kubelet's directory by one rename, and pods that waited for it mount; it is repaired by one,
// and disturbs no mount in flight by that. It follows the operator's settings; who may make pods may not use the node's identities where he forbids it,
// whoever asks the vault. It outlives its DaemonSet, so that pods can go, until somebody removes it.
func TestTheFlexVolumeDriverIsInstalledAndRemoved(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallNothing(t)
	removeFlexDriver(t) // of tests before this one
	if err := os.MkdirAll(node.VolumePlugins, 0o755); err != nil {
		t.Fatal(err)
	}
	ns := Namespace(t)
	app := Azure().Application(t)
	vault := Azure().Vault(t, app, Azure().NodeIdentity())
	vault.Set(t, "db", "one")
	FlexCredentials(t, ns, app)
	principal := FlexMounting("kv", "kvcreds", flexSecrets(vault, "db")...)
	Create(t, Pod(ns, "allowed", principal)) // it waits for the driver
	AwaitEvent(t, ns, "allowed", "FailedMount", "no volume plugin matched")

	plugins := WatchArrivals(t, node.VolumePlugins)
	Upgrade(t, guarded)
	AwaitDaemonSet(t, systemNamespace, FlexInstaller)
	awaitFlexDriver(t)
	if got := plugins.Of(t, "azure~kv"); !slices.Equal(got, []string{"renamed to"}) {
		t.Errorf("the driver's directory was %q", got)
	}
	installedWhole(t)

	managed := FlexMounting("kv", "", flexSecrets(vault, "db", "usevmmanagedidentity", "true")...)
	refusal := []string{"policy: namespace " + ns + " may not use managed-identity with vault " + vault.Name, "ask for a rule"}
	pod := AwaitReady(t, ns, "allowed")
	if got := Exec(t, ns, "allowed", "cat", "/mnt/kv/db"); got != "one" {
		t.Errorf("%q", got)
	}
	Create(t, Pod(ns, "refused", managed))
	AwaitEvent(t, ns, "refused", "FailedMount", refusal...)

	t.Log("a mount is in flight while the driver is replaced")
	flight := newFlight(t, vault, app)
	driver := WatchArrivals(t, flexHome)
	spoilFlexDriver(t)
	Remove(t, systemNamespace, OnlyPod(t, systemNamespace, "app="+FlexInstaller).Name) // the next one looks at once
	Eventually(t, "the repaired driver", wholeFlexDriver)
	if got := driver.Of(t, "kv"); !slices.Equal(got, []string{"renamed to", "renamed to"}) {
		t.Errorf("the spoilt and the repaired driver were %q", got)
	}
	flight.land(t, "one")

	t.Log("the settings change")
	Upgrade(t, guarded, "flexVolume: {fetch: direct}")
	AwaitDaemonSet(t, systemNamespace, FlexInstaller)
	Eventually(t, "settings", func() error {
		text, err := os.ReadFile(flexSettings)
		if err == nil && !strings.Contains(string(text), `"direct"`) {
			err = errors.New(string(text))
		}
		return err
	})
	before := Azure().Mark(t)
	Run(t, Pod(ns, "direct", principal))
	if got := before.Since(t, azure.To(vault), azure.Kind("secret-get")); len(got) != 1 {
		t.Errorf("%d reads of one that asks by itself", len(got))
	}
	Create(t, Pod(ns, "refused-too", managed))
	AwaitEvent(t, ns, "refused-too", "FailedMount", refusal...)

	t.Log("the DaemonSet goes, the pods next, and the driver at last")
	Upgrade(t, "policy: {}")
	AwaitNoPods(t, systemNamespace, "app="+FlexInstaller)
	installedWhole(t)
	for _, name := range []string{"refused", "refused-too", "direct", "allowed"} {
		Remove(t, ns, name)
	}
	unmountedFlex(t, pod)
	removeFlexDriver(t)
}

// removeFlexDriver does what docs/flexvolume.md says for the end.
func removeFlexDriver(t *testing.T) {
	t.Helper()
	strongroom(t, "flexvolume", "install", "--target-dir", node.VolumePlugins, "--remove")
	if left, err := os.ReadDir(node.VolumePlugins); err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		t.Errorf("the kubelet's directory still holds %v, %v", left, err)
	}
}

// wholeFlexDriver finds the product's program, every byte of it, executable and root's.
func wholeFlexDriver() error {
	info, err := os.Lstat(flexProgram)
	if err != nil {
		return err
	}
	if info.Mode() != 0o755 || info.Sys().(*syscall.Stat_t).Uid != 0 {
		return fmt.Errorf("mode %v, owner %d", info.Mode(), info.Sys().(*syscall.Stat_t).Uid)
	}
	have, err := os.ReadFile(flexProgram)
	if err != nil {
		return err
	}
	want, err := os.ReadFile(cluster.Asset("strongroom"))
	if err == nil && !bytes.Equal(have, want) {
		err = fmt.Errorf("it is another program, of %d bytes", len(have))
	}
	return err
}

func installedWhole(t *testing.T) {
	t.Helper()
	if err := wholeFlexDriver(); err != nil {
		t.Errorf("%s: %v", flexProgram, err)
	}
	for _, dir := range []string{node.VolumePlugins, flexHome} {
		hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
		if len(hidden) > 0 {
			t.Errorf("half-made things are left: %q", hidden)
		}
	}
}

// spoilFlexDriver puts another program in the driver's place. It is no script: a shell that was started for one reads its
// path again, and may find the driver there by then.
func spoilFlexDriver(t *testing.T) {
	t.Helper()
	program, err := os.ReadFile("/bin/false")
	if err != nil {
		t.Fatal(err)
	}
	other := flexProgram + ".other"
	if err := errors.Join(os.WriteFile(other, program, 0o755), os.Rename(other, flexProgram)); err != nil {
		t.Fatal(err)
	}
}
