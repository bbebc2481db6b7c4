package chart_test

import (
	"slices"
	"strings"
	"testing"

	"strongroom/tools/chart"
)

// What the older block says of Windows is said of the driver, and wins.
func TestTheOlderBlockOnWindows(t *testing.T) {
	t.Parallel()
	all := workloads(t, render(t, inKubeSystem, matrix["windows upstream"]))
	driver, provider := all["driver-windows"], all["provider-windows"]
	if driver.pod.Spec.NodeSelector["pool"] != "all" || provider.pod.Spec.NodeSelector["pool"] != "apps" {
		t.Errorf("node selectors are %v and %v", driver.pod.Spec.NodeSelector, provider.pod.Spec.NodeSelector)
	}
	if args(driver)["metrics-addr"] != ":8080" || args(provider)["healthz-port"] != "8990" {
		t.Errorf("ports are %v and %v", args(driver), args(provider))
	}
	limits := driver.container().Resources.Limits
	if got := limits.Cpu().String(); got != "400m" {
		t.Errorf("the driver's limit of CPU is %s", got)
	}
	if got := args(driver)["provider-volume"]; got != `C:\k\secrets-store-csi-providers` {
		t.Errorf("the driver looks in %s", got)
	}
	if args(driver)["provider-volume"]+`\azure.sock` != strings.TrimPrefix(args(provider)["endpoint"], "unix://") {
		t.Errorf("the driver looks in %s, the provider serves at %s", args(driver)["provider-volume"], args(provider)["endpoint"])
	}
	for values, want := range map[string]string{
		`{}`: "driver provider",
		`{windows: {enabled: true}, secrets-store-csi-driver: {windows: {enabled: false}}}`: "driver provider provider-windows",
		`{secrets-store-csi-driver: {windows: {enabled: true}}}`:                            "driver driver-windows provider",
		`{secrets-store-csi-driver: {install: false, windows: {enabled: true}}}`:            "provider",
		`{secrets-store-csi-driver: {linux: {enabled: false}, windows: {enabled: true}}}`:   "driver-windows provider",
	} {
		var parts []string
		for part, w := range workloads(t, render(t, inKubeSystem, values)) {
			if w.kind == "DaemonSet" {
				parts = append(parts, part)
			}
		}
		slices.Sort(parts)
		if got := strings.Join(parts, " "); got != want {
			t.Errorf("%s installs %s", values, got)
		}
	}
}

// Windows nodes alone need all that is not of a node: accounts, permissions, the CSIDriver, CRDs.
func TestWindowsAloneHasWhatItNeeds(t *testing.T) {
	t.Parallel()
	out := render(t, inKubeSystem, matrix["windows alone"])
	if got, want := permissions(t, out), lines(always+withSync); !slices.Equal(got, want) {
		t.Errorf("its accounts may\n%s", strings.Join(got, "\n"))
	}
	found := map[string]int{}
	for _, o := range append(out.Objects, out.Hooks...) {
		found[o.Kind()]++
	}
	if found["CSIDriver"] != 1 || found["ServiceAccount"] != 4 || found["DaemonSet"] != 2 || found["Job"] != 1 || found["Deployment"] != 1 {
		t.Errorf("it has %v", found)
	}
}

func TestWindowsImage(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("ab", 32)
	for values, want := range map[string]string{
		`{windows: {enabled: true}}`: "localhost/strongroom:0.1.0",
		`{windows: {enabled: true}, linux: {image: {repository: r/s, digest: "` + digest + `"}}}`:                             "r/s@" + digest,
		`{windows: {enabled: true, image: {tag: win}}, linux: {image: {repository: r/s, tag: v1, digest: "` + digest + `"}}}`: "r/s:win",
		`{windows: {enabled: true, image: {repository: own/win}}, linux: {image: {repository: r/s, tag: v1}}}`:                "own/win:v1",
		`{windows: {enabled: true, image: {digest: "` + digest + `", tag: x}}, linux: {image: {repository: r/s, tag: v1}}}`:   "r/s@" + digest,
	} {
		for part, w := range workloads(t, render(t, inKubeSystem, values)) {
			if w.onWindows() && w.container().Image != want {
				t.Errorf("%s: %s would run %s", values, part, w.container().Image)
			}
		}
	}
}

func TestWhatIsRefusedOnWindows(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		`{windows: {enabled: true, image: {repository: mcr.microsoft.com/oss/v2/azure/secrets-store/provider-azure}}}`: "take windows.image out",
		`{windows: {enabled: true, kubeletRootDir: /var/lib/kubelet}}`:                                                 "/windows/kubeletRootDir",
		`{windows: {enabled: true, providersDir: 'C:\a b'}}`:                                                           "/windows/providersDir",
		`{windows: {enabled: true, kubeletRootDir: 'C:\a&b'}}`:                                                         "/windows/kubeletRootDir",
		`{windows: {kubletRootDir: 'C:\a'}}`:                                                                           "'kubletRootDir' not allowed",
		`{windows: {privileged: true}}`:                                                                                "'privileged' not allowed",
		`{windows: {enabled: true, driver: {runAsUserName: x}}}`:                                                       "'runAsUserName' not allowed",
		`{windows: {enabled: true, provider: {runAsUserName: ""}}}`:                                                    "runAsUserName",
		`{secrets-store-csi-driver: {windows: {enable: true}}}`:                                                        "'enable' not allowed",
		`{windows: {enabled: true, metricsAddr: ":8898"}}`:                                                             "metricsAddr and windows.metricsAddr: are both port 8898",
		`{windows: {enabled: true, healthzPort: 9808}}`:                                                                "livenessProbe.port and windows.healthzPort: are both port 9808",
	} {
		_, err := chart.Render(chartDir, inKubeSystem, parsed(t, values))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", values, err)
		}
	}
	for _, taken := range []string{
		`{windows: {image: {repository: mcr.microsoft.com/oss/v2/azure/secrets-store/provider-azure}}}`,
		`{windows: {enabled: true, provider: {enabled: false}, metricsAddr: ":8898"}}`,
	} {
		if _, err := chart.Render(chartDir, inKubeSystem, parsed(t, taken)); err != nil {
			t.Errorf("%s: %v", taken, err)
		}
	}
}

func TestNotesSpeakOfWindows(t *testing.T) {
	t.Parallel()
	notes := render(t, inKubeSystem, matrix["windows taints"]).Notes
	for _, want := range []string{"csi-secrets-store-provider-azure-windows", "containerd 1.7 or newer", "serve Linux nodes alone"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes do not say %q:\n%s", want, notes)
		}
	}
	if quiet := render(t, inKubeSystem, "").Notes; strings.Contains(quiet, "Windows") {
		t.Errorf("without Windows nodes the notes speak of them:\n%s", quiet)
	}
}
