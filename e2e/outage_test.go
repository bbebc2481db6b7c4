package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
	"strongroom/e2e/standin"
)

// Promised: a pod that starts while its vault is down says so and waits, and starts by itself soon after the vault is
// back; its containers never see an empty volume.
func TestAPodWaitsForAVaultThatIsDown(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
	mend := Azure().Break(t, azure.Fault{Service: "keyvault", Host: vault.Name, Outage: true})
	pod := Create(t, Pod(ns, "web", Mounting("class"), Sure("class", "secret1"), Once()))
	AwaitEvent(t, ns, "web", "FailedMount", vault.Name)
	if got := Mounts(t, string(pod.UID)+"/volumes/kubernetes.io~csi"); len(got) > 1 {
		t.Errorf("mounted: %q", got)
	}
	mend()
	back := time.Now()
	pod = AwaitReady(t, ns, "web")
	t.Logf("ready %.1f s after the vault was back", time.Since(back).Seconds())
	WantFile(t, pod, "class", "secret1", "one")
}

// Sure lets a pod end at once, and fail, if a file of a class is empty or missing when its container starts.
func Sure(class, file string) With {
	return Running("sh", "-c", fmt.Sprintf("test -s /mnt/%s/%s || exit 1; %s", class, file, Idle))
}

// Promised: an outage in a pod's life leaves its files as they are, is told once when it begins and once when it ends, and
// the condition follows. What the vault itself refuses does the same: one object that was deleted is enough to keep the
// whole volume as it is.
func TestAnOutageLeavesTheFilesAndIsToldOnce(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	vault.Set(t, "secret2", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1", "secret2").Apply(t)
	pod := Run(t, Pod(ns, "web", Mounting("class")))
	AwaitFresh(t, pod, "class", "True", "Fetched")
	before := Shown(t, pod, "class")

	mend := Azure().Break(t, azure.Fault{Service: "keyvault", Host: vault.Name, Outage: true})
	AwaitEvent(t, ns, "web", "MountContentStale", "could not be asked")
	AwaitFresh(t, pod, "class", "False", "LastKnownGood")
	since := Azure().Mark(t)
	Eventually(t, "three more tries", func() error {
		if n := len(since.Since(t, azure.To(vault))); n < 3 {
			return fmt.Errorf("there were %d", n)
		}
		return nil
	})
	if after := Shown(t, pod, "class"); after != before {
		t.Errorf("the files were touched; before:\n%s\nafter:\n%s", before, after)
	}
	mend()
	back := time.Now()
	vault.Set(t, "secret1", "two")
	AwaitFile(t, pod, "class", "secret1", "two")
	t.Logf("fresh %.1f s after the vault was back", time.Since(back).Seconds())
	AwaitEvent(t, ns, "web", "MountRotationRecovered")
	AwaitFresh(t, pod, "class", "True", "Fetched")

	vault.Delete(t, "secret1")
	AwaitEvent(t, ns, "web", "MountRotationFailed", "the files stay", "secret1")
	AwaitFresh(t, pod, "class", "False", "NotFound")
	vault.Set(t, "secret2", "two")
	since = Azure().Mark(t)
	Eventually(t, "one more try", func() error {
		if n := len(since.Since(t, azure.To(vault), azure.Kind("secret-get"))); n < 2 {
			return fmt.Errorf("there were %d requests", n)
		}
		return nil
	})
	WantFile(t, pod, "class", "secret1", "two")
	WantFile(t, pod, "class", "secret2", "one")
	for _, reason := range []string{"MountContentStale", "MountRotationRecovered", "MountRotationFailed"} {
		wantEvents(t, pod, reason, 1)
	}
}

// wantEvents counts how often something was told of a pod, repetitions included.
func wantEvents(t *testing.T, pod *corev1.Pod, reason string, want int) {
	t.Helper()
	var told []string
	count := 0
	for _, e := range Events(t, pod.Namespace, pod.Name) {
		if e.Reason == reason {
			count += int(max(e.Count, 1))
			told = append(told, e.Message)
		}
	}
	if count != want {
		t.Errorf("%s was told %d times, not %d: %q", reason, count, want, told)
	}
}

// Promised, whatever a kubelet does when a volume that is mounted cannot be published again: the files, the mount and the
// pod stay, and all recover by themselves. One class is deleted, of another the vault refuses everything; a third volume,
// of another driver, tells how often the kubelet has come by.
func TestAFailedRepublishLeavesFilesAndMount(t *testing.T) {
	t.Parallel()
	Install(t)
	visits := countingDriver(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault, open := Azure().Vault(t, reader), Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	open.Set(t, "secret1", "one")
	missing := WorkloadClass(ns, "missing", open, reader, "secret1")
	missing.Apply(t)
	WorkloadClass(ns, "refused", vault, reader, "secret1").Apply(t)
	pod := Run(t, Pod(ns, "web", Mounting("missing"), Mounting("refused"), MountingOf(visits.Name, "visits", nil)))
	classes := []string{"missing", "refused"}
	before := map[string]string{}
	for _, class := range classes {
		before[class] = Shown(t, pod, class) + strings.Join(Mounts(t, Target(pod, class)), " ")
	}

	mend := Azure().Break(t, azure.Fault{Service: "keyvault", Host: vault.Name, Status: 403})
	if err := objects.Resource(Classes).Namespace(ns).Delete(t.Context(), "missing", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	AwaitFresh(t, pod, "missing", "False", "NotFound")
	AwaitFresh(t, pod, "refused", "False", "Denied")
	so, err := visits.Published(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := visits.Published(Within(t, patience), len(so)+3); err != nil { // of which two are whole rounds at least
		t.Fatal(err)
	}
	for _, class := range classes {
		if now := Shown(t, pod, class) + strings.Join(Mounts(t, Target(pod, class)), " "); now != before[class] {
			t.Errorf("what stands of class %s is not what it was; before:\n%s\nafter:\n%s", class, before[class], now)
		}
		if got := Exec(t, ns, "web", "cat", "/mnt/"+class+"/secret1"); got != "one" {
			t.Errorf("the pod reads %q of class %s", got, class)
		}
	}
	if now := AwaitReady(t, ns, "web"); now.UID != pod.UID || first(now).RestartCount != 0 {
		t.Error("the pod did not live through it")
	}
	wantEvents(t, pod, "MountRotationFailed", len(classes))

	mend()
	missing.Apply(t)
	vault.Set(t, "secret1", "two")
	refresh(t, "refused", "-n", ns) // after a refusal it would try again by itself, after two minutes at most
	AwaitFile(t, pod, "refused", "secret1", "two")
	for _, class := range classes {
		AwaitFresh(t, pod, class, "True", "Fetched")
		AwaitEvent(t, ns, "web", "MountRotationRecovered", "class "+class)
	}
}

// countingDriver is a driver of somebody else's whose volumes the kubelet publishes in the same rounds as ours.
func countingDriver(t *testing.T) *standin.Driver {
	t.Helper()
	const name = "visits.e2e.example"
	Apply(t, `{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: `+name+`}, spec: {attachRequired: false,
  podInfoOnMount: true, requiresRepublish: true, volumeLifecycleModes: [Ephemeral]}}`)
	driver := &standin.Driver{Name: name, Node: node.Name, Publish: func(r *csi.NodePublishVolumeRequest) error {
		return os.MkdirAll(r.TargetPath, 0o755)
	}}
	driver.Serve(t)
	return driver
}
