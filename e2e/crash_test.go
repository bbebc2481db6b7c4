package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// slow is how long a vault takes that hangs: long enough to be killed meanwhile.
const slow = 10 * time.Second

// Promised: a provider that is killed while a mount waits for the vault, and a driver that is killed after it mounted the
// memory and before it wrote a file, delay the pod and nothing else. It never starts with an empty volume: its command
// would fail, and nobody start it again.
func TestAKillAmidAMountOnlyDelaysIt(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallAlone(t)
	for _, victim := range []string{Provider, Driver} {
		ns := Namespace(t)
		reader := Azure().Managed(t, ns+"/default")
		vault := Azure().Vault(t, reader)
		vault.Set(t, "secret1", "one")
		WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
		mend := Azure().Break(t, azure.Fault{Service: "keyvault", Host: vault.Name, Path: "/secrets/", Latency: slow})
		since := Azure().Mark(t)
		pod := Create(t, Pod(ns, "web", Mounting("class"), Sure("class", "secret1"), Once()))
		Eventually(t, "a mount that hangs at the vault", func() error {
			// What hangs is written down when it is answered; its token, asked for right before, already is.
			if len(since.Since(t, azure.Kind("token"))) == 0 {
				return errors.New("nobody asked for a token")
			}
			return mounted(t, pod)
		})
		if names, err := os.ReadDir(Target(pod, "class")); err != nil || len(names) != 0 {
			t.Errorf("the volume shows %v, %v", names, err)
		}
		killed := Kill(t, systemNamespace, "app="+victim)
		if _, err := File(pod, "class", "secret1"); err == nil {
			t.Errorf("%s was killed too late", victim)
		}
		mend()
		AwaitSuccessor(t, systemNamespace, "app="+victim, killed)
		back := time.Now()
		pod = AwaitReady(t, ns, "web")
		t.Logf("ready %.1f s after the successor of %s", time.Since(back).Seconds(), victim)
		wantComplete(t, pod, "one")
	}
}

func mounted(t *testing.T, pod *corev1.Pod) error {
	t.Helper()
	if got := Mounts(t, Target(pod, "class")); len(got) != 1 {
		return fmt.Errorf("mounted: %q", got)
	}
	return nil
}

// wantComplete looks at a pod's one volume: one mount, one file, one set of content.
func wantComplete(t *testing.T, pod *corev1.Pod, want string) {
	t.Helper()
	if err := mounted(t, pod); err != nil {
		t.Errorf("%s: %v", pod.Name, err)
	}
	WantFile(t, pod, "class", "secret1", want)
	// Right after a change the set before is still beside the new one: files never lack, so it goes last.
	Eventually(t, "one set of content in "+pod.Name, func() error {
		names, err := os.ReadDir(Target(pod, "class"))
		if err == nil && len(names) != 3 { // the file, ..data and where that leads
			err = fmt.Errorf("it shows %v", names)
		}
		return err
	})
}

// Promised: the driver may be killed at any moment, five times in a row while ten pods run and others start: every pod
// starts with its files, no file vanishes, nothing is mounted twice, and what changed meanwhile arrives.
func TestTheDriverMayBeKilledAgainAndAgain(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallAlone(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
	Deployment(t, ns, "web", 10, Mounting("class"), Sure("class", "secret1"))
	var starting []*corev1.Pod
	killed := ""
	for i := range 5 {
		starting = append(starting, Create(t, Pod(ns, fmt.Sprintf("new-%d", i), Mounting("class"), Sure("class", "secret1"), Once())))
		moment := time.Duration(rand.N(3000)) * time.Millisecond // anywhere in a mount, a rotation or the driver's own start
		t.Logf("kill %d after %s", i, moment)
		select {
		case <-time.After(moment):
		case <-t.Context().Done():
		}
		killed = Kill(t, systemNamespace, "app="+Driver)
		for _, p := range PodsOf(t, ns, "app=web") {
			WantFile(t, &p, "class", "secret1", "one")
		}
	}
	AwaitSuccessor(t, systemNamespace, "app="+Driver, killed)
	back := time.Now()
	for i, pod := range starting {
		starting[i] = AwaitReady(t, ns, pod.Name)
	}
	t.Logf("all are ready %.1f s after the last successor", time.Since(back).Seconds())
	vault.Set(t, "secret1", "two")
	all := starting
	for _, p := range PodsOf(t, ns, "app=web") {
		if first(&p).RestartCount != 0 {
			t.Errorf("%s was restarted", p.Name)
		}
		all = append(all, &p)
	}
	if len(all) != 15 {
		t.Errorf("there are %d pods", len(all))
	}
	for _, pod := range all {
		AwaitFile(t, pod, "class", "secret1", "two")
		wantComplete(t, pod, "two")
	}
}

// Promised: neither the end of the API server nor that of the kubelet keeps a changed secret from the files, and whatever
// starts meanwhile starts. It comes before the tests that run side by side, for it disturbs them.
func TestRotationLivesThroughCrashesOfTheCluster(t *testing.T) {
	longForm(t)
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "value-0")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)
	var pods []*corev1.Pod
	for i := range 3 {
		pods = append(pods, Run(t, Pod(ns, fmt.Sprintf("old-%d", i), Mounting("class"))))
	}
	for i, component := range []string{"kube-apiserver", "kubelet"} {
		var starting []*corev1.Pod
		for n := range 3 {
			starting = append(starting, Create(t, Pod(ns, fmt.Sprintf("new-%d-%d", i, n), Mounting("class"), Sure("class", "secret1"), Once())))
		}
		if err := cluster.Restart(component); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("value-%d", i+1)
		vault.Set(t, "secret1", want)
		changed := time.Now()
		for _, pod := range pods {
			AwaitFile(t, pod, "class", "secret1", want)
		}
		t.Logf("without %s it took %.1f s", component, time.Since(changed).Seconds())
		awaitServer(t)
		for _, pod := range starting {
			pods = append(pods, AwaitReady(t, ns, pod.Name))
		}
		for _, pod := range pods {
			AwaitFile(t, pod, "class", "secret1", want)
			wantComplete(t, pod, want)
		}
	}
	for _, pod := range pods[:3] {
		AwaitEvent(t, ns, pod.Name, "MountRotationComplete", "secret1")
		AwaitFresh(t, pod, "class", "True", "Fetched")
		if now := AwaitReady(t, ns, pod.Name); first(now).RestartCount != 0 {
			t.Errorf("%s was restarted", pod.Name)
		}
	}
	AwaitInstalled(t)
}

// awaitServer waits until the API server answers again, and says that it is ready.
func awaitServer(t *testing.T) {
	t.Helper()
	Eventually(t, "the API server", func() error {
		answer, err := cluster.Client.RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context())
		if err == nil && strings.TrimSpace(string(answer)) != "ok" {
			err = fmt.Errorf("it says %q", answer)
		}
		if err == nil {
			_, err = cluster.Client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{Limit: 1})
		}
		return err
	})
}
