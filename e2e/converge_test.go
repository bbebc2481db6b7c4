package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Promised: a class that comes after its pod, and one that is edited, reach the pod without a restart; an edit is due at
// once, whatever the interval.
func TestAClassMayComeAfterItsPodAndChangeUnderIt(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	vault.Set(t, "secret2", "two")
	pod := Create(t, Pod(ns, "web", Mounting("class")))
	AwaitEvent(t, ns, "web", "FailedMount", "secretproviderclass", ns+"/class", "not found")
	class := WorkloadClass(ns, "class", vault, reader, "secret1").With("rotationPollInterval", "1h")
	class.Apply(t)
	came := time.Now()
	pod = AwaitReady(t, ns, pod.Name)
	t.Logf("ready %.1f s after its class", time.Since(came).Seconds())
	WantFile(t, pod, "class", "secret1", "one")

	class.Objects = append(class.Objects, "objectName: secret2\nobjectType: secret\n")
	class.Apply(t)
	wantSoon(t, "the edited class's pod", AwaitFile(t, pod, "class", "secret2", "two"))
	WantFile(t, pod, "class", "secret1", "one")
	class.Objects = class.Objects[1:]
	class.Apply(t)
	Eventually(t, "the end of what the class does not name any more", func() error {
		_, err := File(pod, "class", "secret1")
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("secret1 is still there: %v", err)
		}
		return nil
	})
	WantFile(t, pod, "class", "secret2", "two")
	AwaitPodStatus(t, pod, "class", func(s *PodStatus) error {
		if len(s.Status.Objects) != 1 || s.Status.Objects[0].ID != "secret/secret2" {
			return fmt.Errorf("it says %+v", s.Status.Objects)
		}
		return nil
	})
}

// Promised: a class that cannot be mounted says so before any pod asks, in the columns of kubectl get and as an event,
// and says when it is mended.
func TestAClassWithATypingErrorSaysSoBeforeAnyPod(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	class := WorkloadClass(ns, "class", vault, reader)
	class.Objects = []string{"objectName: secret1\nobjectType: secrte\n"}
	class.Apply(t)
	awaitAccepted(t, ns, "False")
	AwaitEvent(t, ns, "class", "Rejected", "secrte")
	if row := classRow(t, ns); row["ACCEPTED"] != "False" || row["PROVIDER"] != "azure" || !holdsAll(row["MESSAGE"], []string{"secrte", "secret"}) {
		t.Errorf("kubectl get shows %q", row)
	}

	class.Objects = []string{"objectName: secret1\nobjectType: secret\n"}
	class.Apply(t)
	awaitAccepted(t, ns, "True")
	AwaitEvent(t, ns, "class", "Accepted")
	if row := classRow(t, ns); row["ACCEPTED"] != "True" {
		t.Errorf("kubectl get shows %q", row)
	}
	WantFile(t, Run(t, Pod(ns, "web", Mounting("class"))), "class", "secret1", "one")
}

// classObject is of a class what is found out about it.
type classObject struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Status   Conditions        `json:"status"`
}

func awaitAccepted(t *testing.T, namespace, status string) {
	t.Helper()
	Await(t, Classes, namespace, "class", func(c *classObject) error {
		for _, condition := range c.Status.Conditions {
			if condition.ObservedGeneration != c.Metadata.Generation {
				return fmt.Errorf("it was looked at in generation %d, and is in %d", condition.ObservedGeneration, c.Metadata.Generation)
			}
		}
		return c.Status.is("Accepted", status, "")
	})
}

// classRow is the one row of kubectl get, by the column's name.
func classRow(t *testing.T, namespace string) map[string]string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(Kubectl(t, "get", "secretproviderclass", "-n", namespace, "-o", "wide")), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", lines)
	}
	row := map[string]string{}
	for _, name := range strings.Fields(lines[0]) {
		at := strings.Index(lines[0], name)
		end := len(lines[1])
		if next := strings.Fields(lines[0][at+len(name):]); len(next) > 0 {
			end = at + len(name) + strings.Index(lines[0][at+len(name):], next[0])
		}
		row[name] = strings.TrimSpace(lines[1][at:end])
	}
	return row
}

// Promised: the provider may start after the driver and the pods, and the driver after its pods; what is mounted
// meanwhile stays, and what waits is mounted, without a restart of anything.
func TestProviderAndDriverMayStartAfterThePods(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallAlone(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
	early := Run(t, Pod(ns, "early", Mounting("class")))

	back := banish(t, Provider)
	waiting := Create(t, Pod(ns, "waiting", Mounting("class")))
	AwaitEvent(t, ns, "waiting", "FailedMount", "provider")
	AwaitEvent(t, ns, "early", "MountRotationFailed", "provider")
	WantFile(t, early, "class", "secret1", "one")
	back()
	came := time.Now()
	AwaitReady(t, ns, "waiting")
	t.Logf("ready %.1f s after the provider's return was asked for", time.Since(came).Seconds())
	WantFile(t, waiting, "class", "secret1", "one")
	AwaitEvent(t, ns, "early", "MountRotationRecovered")

	back = banish(t, Driver)
	late := Create(t, Pod(ns, "late", Mounting("class")))
	AwaitEvent(t, ns, "late", "FailedMount", DriverName)
	WantFile(t, early, "class", "secret1", "one")
	vault.Set(t, "secret1", "two")
	back()
	came = time.Now()
	AwaitReady(t, ns, "late")
	t.Logf("ready %.1f s after the driver's return was asked for", time.Since(came).Seconds())
	for _, pod := range []*corev1.Pod{early, waiting, late} {
		AwaitFile(t, pod, "class", "secret1", "two")
		if got := AwaitReady(t, ns, pod.Name); first(got).RestartCount != 0 {
			t.Errorf("%s was restarted", pod.Name)
		}
		if got := Mounts(t, Target(pod, "class")); len(got) != 1 {
			t.Errorf("%s has the mounts %q", pod.Name, got)
		}
	}
}

// banish takes the pods of a DaemonSet from the node, and gives a function that brings them back.
func banish(t *testing.T, daemonSet string) (back func()) {
	t.Helper()
	pod := OnlyPod(t, systemNamespace, "app="+daemonSet)
	choose := func(node string) {
		t.Helper()
		Kubectl(t, "patch", "daemonset", daemonSet, "-n", systemNamespace, "--type=merge",
			"-p", `{"spec":{"template":{"spec":{"nodeSelector":{"e2e.example/nowhere":`+node+`}}}}}`)
	}
	choose(`"true"`)
	AwaitGone(t, Pods, systemNamespace, pod.Name)
	return func() { choose("null") }
}
