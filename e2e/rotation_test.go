package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
	"strongroom/e2e/node"
)

// within7 is what is promised at an interval of 5 seconds, which these installations have.
const within7 = 7 * time.Second

// Promised: a changed secret is in every file within the interval and two seconds; pod statuses and events tell of it;
// and as long as nothing changes, nothing is written under a target and none of these objects.
func TestAChangedSecretReachesEveryFileAndNothingElseIsWritten(t *testing.T) {
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	// Versions are ordered by when they were made, which vaults tell in whole seconds.
	vault := Azure().VaultOf(t, "- {kind: secret, name: secret2, versions: [{value: zero, created: -48h}, {value: one, created: -24h}]}", reader)
	first := vault.Set(t, "secret1", "one")
	class := WorkloadClass(ns, "class", vault, reader, "secret1")
	class.Objects = append(class.Objects, "objectName: secret2\nobjectType: secret\nobjectVersionHistory: 2\n")
	class.Apply(t)

	var pods []*corev1.Pod
	for i := range 3 {
		pods = append(pods, Create(t, Pod(ns, fmt.Sprintf("web-%d", i), Mounting("class"))))
	}
	for i, pod := range pods {
		pods[i] = AwaitReady(t, ns, pod.Name)
		WantFile(t, pods[i], "class", "secret1", "one")
		WantFile(t, pods[i], "class", "secret2/0", "one")
		WantFile(t, pods[i], "class", "secret2/1", "zero")
		wantPodStatus(t, pods[i], first)
	}

	second := vault.Set(t, "secret1", "two")
	changed := time.Now()
	latest := vault.Set(t, "secret2", "two")
	for _, pod := range pods {
		for name, want := range map[string]string{"secret1": "two", "secret2/0": "two", "secret2/1": "one"} {
			AwaitFile(t, pod, "class", name, want)
		}
		took := time.Since(changed)
		t.Logf("%s has it after %.1f s", pod.Name, took.Seconds())
		if took > within7 {
			t.Errorf("it took %s", took)
		}
	}
	for _, pod := range pods {
		AwaitPodStatus(t, pod, "class", func(s *PodStatus) error {
			if s.version("secret/secret1") != second || s.version("secret/secret2/0") != latest {
				return fmt.Errorf("it says %+v, not %s and %s", s.Status.Objects, second, latest)
			}
			return s.Status.is("Fresh", "True", "Fetched")
		})
		AwaitEvent(t, ns, pod.Name, "MountRotationComplete", "secret1")
		if got := Exec(t, ns, pod.Name, "cat", "/mnt/class/secret1"); got != "two" {
			t.Errorf("the pod itself reads %q", got)
		}
	}
	if !testing.Short() {
		wantQuiet(t, vault, pods)
	}
	Remove(t, ns, "web-0")
	AwaitGone(t, PodStatuses, ns, "web-0-"+ns+"-class") // the pod is its owner
}

func wantPodStatus(t *testing.T, pod *corev1.Pod, version string) {
	t.Helper()
	s := AwaitPodStatus(t, pod, "class", func(s *PodStatus) error { return s.Status.is("Fresh", "True", "Fetched") })
	if got := s.Metadata.Labels["internal.secrets-store.csi.k8s.io/node-name"]; got != node.Name {
		t.Errorf("the node's label says %q", got)
	}
	if o := s.Metadata.OwnerReferences; len(o) != 1 || o[0].Kind != "Pod" || o[0].Name != pod.Name || o[0].UID != pod.UID {
		t.Errorf("its owner is %+v", o)
	}
	if s.Status.PodName != pod.Name || s.Status.Class != "class" || !s.Status.Mounted || s.Status.TargetPath != Target(pod, "class") {
		t.Errorf("%+v", s.Status)
	}
	if got := s.version("secret/secret1"); got != version {
		t.Errorf("secret1 is said to be %q, not %q", got, version)
	}
}

// wantQuiet waits for several more intervals, in which nothing may be written anywhere.
func wantQuiet(t *testing.T, vault azure.Vault, pods []*corev1.Pod) {
	t.Helper()
	look := func() string {
		all := apiObjects(t, pods[0].Namespace)
		for _, pod := range pods {
			all += Shown(t, pod, "class")
		}
		return all
	}
	before, since := look(), Azure().Mark(t)
	reads := func() int {
		of := func(r azure.Record) bool { return strings.Contains(r.Path, "/secret1") }
		return len(since.Since(t, azure.To(vault), azure.Kind("secret-get"), of))
	}
	began := time.Now()
	Eventually(t, "four more intervals", func() error {
		if n := reads(); n < 4 {
			return fmt.Errorf("secret1 was read %d times", n)
		}
		return nil
	})
	if after := look(); after != before {
		t.Errorf("something was written though nothing changed; before:\n%s\nafter:\n%s", before, after)
	}
	if took, most := time.Since(began), int(time.Since(began)/(5*time.Second))+1; reads() > most {
		t.Errorf("the three pods read secret1 %d times in %s", reads(), took)
	}
}

// apiObjects is the state of every object of a namespace that we could write. Events of others are left out: the kubelet's
// may come late.
func apiObjects(t *testing.T, namespace string) string {
	t.Helper()
	var all strings.Builder
	for _, kind := range []string{"secretproviderclasses", "secretproviderclasspodstatuses", "secrets"} {
		all.WriteString(Kubectl(t, "get", kind, "-n", namespace, "-o", `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`))
	}
	events, err := cluster.Client.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		if strings.HasPrefix(e.Source.Component, "csi-secrets-store-") || e.Source.Component == Controller {
			fmt.Fprintf(&all, "event %s %s x%d %s\n", e.InvolvedObject.Name, e.Reason, e.Count, e.ResourceVersion)
		}
	}
	return all.String()
}

// Promised: who changes a secret and then restarts a Deployment finds the new value in every new pod, however fresh what
// the node has shared so far is allowed to be.
func TestEveryPodOfARestartedDeploymentReadsWhatWasChangedBefore(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "value-0")
	WorkloadClass(ns, "class", vault, reader, "secret1").With("rotationPollInterval", "1h").Apply(t)
	Deployment(t, ns, "web", 5, Mounting("class"), Running("sh", "-c", "echo read $(cat /mnt/class/secret1); "+Idle))
	for round := 1; round <= 2; round++ {
		old := map[string]bool{}
		for _, p := range PodsOf(t, ns, "app=web") {
			old[p.Name] = true
		}
		want := fmt.Sprintf("value-%d", round)
		vault.Set(t, "secret1", want)
		Kubectl(t, "rollout", "restart", "deployment/web", "-n", ns)
		AwaitDeployment(t, ns, "web")
		fresh := 0
		for _, p := range PodsOf(t, ns, "app=web") {
			if old[p.Name] {
				t.Errorf("%s was there before", p.Name)
				continue
			}
			fresh++
			if got := firstLine(t, ns, p.Name); got != "read "+want {
				t.Errorf("%s says %q of its start, and not that it read %s", p.Name, got, want)
			}
		}
		if fresh != 5 {
			t.Errorf("there are %d new pods", fresh)
		}
	}
}

// firstLine waits for the first line that a pod writes: it is ready before it has written one.
func firstLine(t *testing.T, namespace, pod string) (line string) {
	t.Helper()
	Eventually(t, "the first line of "+pod, func() error {
		var found bool
		if line, _, found = strings.Cut(Logs(t, namespace, pod), "\n"); !found {
			return errors.New("it has written none")
		}
		return nil
	})
	return line
}

// Promised: the interval is the class's to say; and whoever does not want to wait asks by "strongroom refresh", for a
// class or for one pod, and has it in seconds.
func TestARefreshDoesNotWaitForTheInterval(t *testing.T) {
	longForm(t)
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "often", vault, reader, "secret1").With("rotationPollInterval", "6s").Apply(t)
	WorkloadClass(ns, "seldom", vault, reader, "secret1").With("rotationPollInterval", "1h").Apply(t)
	witness := Create(t, Pod(ns, "witness", Mounting("often")))
	Create(t, Pod(ns, "a", Mounting("seldom")))
	Create(t, Pod(ns, "b", Mounting("seldom")))
	a, b := AwaitReady(t, ns, "a"), AwaitReady(t, ns, "b")
	AwaitReady(t, ns, "witness")

	vault.Set(t, "secret1", "two")
	AwaitFile(t, witness, "often", "secret1", "two")
	WantFile(t, a, "seldom", "secret1", "one")
	WantFile(t, b, "seldom", "secret1", "one")
	refresh(t, "seldom", "-n", ns)
	wantSoon(t, "the class's first pod", AwaitFile(t, a, "seldom", "secret1", "two"))
	wantSoon(t, "the class's second pod", AwaitFile(t, b, "seldom", "secret1", "two"))
	AwaitEvent(t, ns, "a", "MountRotationComplete", "secret1")

	vault.Set(t, "secret1", "three")
	refresh(t, "pod", "b", "-n", ns)
	wantSoon(t, "the pod", AwaitFile(t, b, "seldom", "secret1", "three"))
	AwaitFile(t, witness, "often", "secret1", "three")
	WantFile(t, a, "seldom", "secret1", "two") // nobody asked for this one
}

func refresh(t *testing.T, arguments ...string) {
	t.Helper()
	c := exec.CommandContext(Within(t, patience), cluster.Asset("strongroom"), append([]string{"refresh"}, arguments...)...)
	out, err := output(c)
	if err != nil || !strings.Contains(out, "asked") {
		t.Fatalf("%q, %v", out, err)
	}
}

func wantSoon(t *testing.T, who string, took time.Duration) {
	t.Helper()
	t.Logf("%s has it after %.1f s", who, took.Seconds())
	if took > within7 {
		t.Errorf("%s waited for %s", who, took)
	}
}
