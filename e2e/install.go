package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	storagev1 "k8s.io/api/storage/v1"

	"strongroom/e2e/node"
)

// Where the chart puts things, and what it is called there.
const (
	systemNamespace = "kube-system"
	release         = "strongroom"
	Driver          = "secrets-store-csi-driver"
	Provider        = "csi-secrets-store-provider-azure"
	Controller      = "strongroom-controller"
)

// usualValues are what every installation of the tests has: the image that was made for them, and the emulator's CA.
func usualValues() (string, error) {
	ca, err := os.ReadFile(filepath.Join(node.SharedDir, "ca.pem"))
	if err != nil {
		return "", err
	}
	return "linux: {image: {repository: localhost/strongroom, tag: e2e, pullPolicy: Never}}\n" +
		"rotationPollInterval: 5s\n" +
		"caBundle: |\n  " + strings.ReplaceAll(strings.TrimSpace(string(ca)), "\n", "\n  ") + "\n", nil
}

// installation is what is installed now and who counts on it. Tests that want the same share it: all that wait for what is
// there join at once, so that it changes as seldom as it can, and then work a few at a time.
type installation struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever somebody leaves
	there   string        // values of what is installed; empty is nothing
	users   int
	alone   bool          // the one user may break it
	working chan struct{} // as many as may work at a time
}

var installed = &installation{changed: make(chan struct{}), working: make(chan struct{}, atATime())}

// atATime is E2E_PARALLEL. It is not the number of tests that run: most of them wait for what they want installed.
func atATime() int {
	n, err := strconv.Atoi(os.Getenv("E2E_PARALLEL"))
	if err != nil || n < 1 {
		return 4
	}
	return n
}

// Install installs the chart, or changes its values, and waits until all of it is ready. Values are pieces of YAML; later
// ones win. It stays that way until the test ends, and tests that ask for the same values meanwhile share it: call it
// before Namespace, so that the test's pods are gone before it may change.
func Install(t testing.TB, values ...string) {
	t.Helper()
	began := time.Now()
	installed.take(t, wanting(values), false, func() { Upgrade(t, values...) })
	installed.work(t)
	waited(t, began)
}

// InstallAlone is Install for a test that stops, kills, upgrades or removes what is installed. No other test has an
// installation meanwhile, and the next one gets a new one.
func InstallAlone(t testing.TB, values ...string) {
	t.Helper()
	began := time.Now()
	installed.take(t, wanting(values), true, func() { Upgrade(t, values...) })
	waited(t, began)
}

// InstallNothing removes what is installed, and nobody installs anything until the test ends: what it installs itself, and
// how, is its own affair, and so is to remove it unless it is a release of the usual name.
func InstallNothing(t testing.TB) {
	t.Helper()
	began := time.Now()
	installed.take(t, "nothing", true, func() { Uninstall(t) })
	waited(t, began)
}

// waited tells how much of the time that is printed for the test was not its own.
func waited(t testing.TB, since time.Time) {
	t.Helper()
	t.Logf("begins after %.0f s of waiting for an installation", time.Since(since).Seconds())
}

func wanting(values []string) string { return "values:\n" + strings.Join(values, "\n---\n") }

// take waits until the installation may be as wanted, and makes it so.
func (i *installation) take(t testing.TB, wanted string, alone bool, install func()) {
	t.Helper()
	ctx := t.Context() // others take their time; go test's own bound ends it
	i.mu.Lock()
	for i.users > 0 && (i.alone || alone || i.there != wanted) {
		changed := i.changed
		i.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
		i.mu.Lock()
	}
	defer i.mu.Unlock()
	claim(t)
	i.users, i.alone = i.users+1, alone
	t.Cleanup(func() { i.leave(alone) })
	if i.there == wanted {
		return
	}
	i.there = "" // unless it works
	install()
	i.there = wanted
}

// work waits for the test's turn among those that share what is installed.
func (i *installation) work(t testing.TB) {
	t.Helper()
	select {
	case i.working <- struct{}{}:
		t.Cleanup(func() { <-i.working })
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

func (i *installation) leave(broken bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.users--
	i.alone = false
	if broken {
		i.there = ""
	}
	close(i.changed)
	i.changed = make(chan struct{})
}

// Upgrade installs the chart with other values under a test that has it alone.
func Upgrade(t testing.TB, values ...string) {
	t.Helper()
	Helm(t, append([]string{"upgrade", "--install", release, chart, "--namespace", systemNamespace, "--timeout", "5m"}, valueFiles(t, values)...)...)
	AwaitInstalled(t)
}

// TryInstall installs the chart where nothing of the release is, and may be refused.
func TryInstall(t testing.TB, values ...string) error {
	t.Helper()
	arguments := append([]string{"install", release, chart, "--namespace", systemNamespace, "--timeout", "5m"}, valueFiles(t, values)...)
	_, err := output(exec.CommandContext(Within(t, 5*patience), cluster.Asset("helm"), arguments...))
	return err
}

// valueFiles writes the usual values and those given, and names them for Helm's command line.
func valueFiles(t testing.TB, values []string) (arguments []string) {
	t.Helper()
	usual, err := usualValues()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for n, text := range append([]string{usual}, values...) {
		file := filepath.Join(dir, fmt.Sprintf("values-%d.yaml", n))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, "--values", file)
	}
	return arguments
}

// chart is the product's, seen from the scenarios' directory, in which they run.
const chart = "../deploy/chart"

// AwaitInstalled waits until everything that is installed is ready, and the kubelet knows the driver.
func AwaitInstalled(t testing.TB) {
	t.Helper()
	AwaitDaemonSet(t, systemNamespace, Provider)
	AwaitDaemonSet(t, systemNamespace, Driver)
	AwaitDeployment(t, systemNamespace, Controller)
	Await(t, CSINodes, "", node.Name, func(n *storagev1.CSINode) error {
		for _, d := range n.Spec.Drivers {
			if d.Name == DriverName {
				return nil
			}
		}
		return errors.New("it does not list the driver")
	})
}

// Uninstall removes the release, if there is one, under a test that has it alone.
func Uninstall(t testing.TB) {
	t.Helper()
	Helm(t, "uninstall", release, "--namespace", systemNamespace, "--wait", "--ignore-not-found")
}

// Helm runs helm and gives what it writes. It must succeed.
func Helm(t testing.TB, arguments ...string) string {
	t.Helper()
	out, err := output(exec.CommandContext(Within(t, 5*patience), cluster.Asset("helm"), arguments...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// DriverMetrics reads the metrics of the node's driver, ProviderMetrics those of its provider.
func DriverMetrics(t testing.TB) map[string]float64 {
	t.Helper()
	pod := OnlyPod(t, systemNamespace, "app="+Driver)
	return Metrics(t, pod.Status.PodIP+":8095")
}

// ProviderMetrics is as DriverMetrics.
func ProviderMetrics(t testing.TB) map[string]float64 {
	t.Helper()
	pod := OnlyPod(t, systemNamespace, "app="+Provider)
	return Metrics(t, pod.Status.PodIP+":8898")
}
