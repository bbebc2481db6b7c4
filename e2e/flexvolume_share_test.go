package e2e

import (
	"fmt"
	"maps"
	"os"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// Two dozen FlexVolume pods at once share calls and tokens through the node's provider. A kubelet that crashes finds its
// volumes as they were, and unmounts what went meanwhile; in the end nothing is left on the node. It comes before the
// tests that run side by side, for it disturbs them.
func TestFlexVolumePodsShareAndOutliveTheKubelet(t *testing.T) {
	longForm(t)
	FlexVolume(t)
	ns := PodSpace(t)
	app := Azure().Application(t)
	vault := Azure().Vault(t, app)
	vault.Set(t, "db", "one")
	vault.Set(t, "api", "two")
	FlexCredentials(t, ns, app)
	mounting := FlexMounting("kv", "kvcreds", flexSecrets(vault, "db;api")...)

	const pods = 24
	before := Azure().Mark(t)
	Deployment(t, ns, "many", pods, mounting)
	many := PodsOf(t, ns, "app=many")
	reads := before.Since(t, azure.To(vault), azure.Kind("secret-get"))
	t.Logf("%d pods with two secrets each: %d reads", len(many), len(reads))
	if len(many) != pods || len(reads) > pods { // alone each would read two
		t.Errorf("%d pods made %d reads", len(many), len(reads))
	}
	want := map[string]string{"db": "one", "api": "two"}
	stood := map[string]uint64{}
	for i := range many {
		if got := Contents(t, FlexTarget(&many[i], "kv")); !maps.Equal(got, want) {
			t.Errorf("%s holds %q", many[i].Name, got)
		}
		stood[many[i].Name] = inode(t, &many[i])
	}

	t.Log("the kubelet crashes")
	again := Azure().Mark(t)
	if err := cluster.Restart("kubelet"); err != nil {
		t.Fatal(err)
	}
	Run(t, Pod(ns, "later", mounting)) // by the new kubelet
	AwaitDeployment(t, ns, "many")
	for _, pod := range PodsOf(t, ns, "app=many") {
		if stood[pod.Name] != inode(t, &pod) {
			t.Errorf("the volume of %s is another", pod.Name)
		}
	}
	if got := again.Since(t, azure.To(vault), azure.Kind("secret-get")); len(got) > 2 {
		t.Errorf("mounted volumes were read again: %d reads for one new pod", len(got))
	}

	t.Log("all pods go, and the kubelet crashes once more")
	if err := cluster.Client.AppsV1().Deployments(ns).Delete(t.Context(), "many", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	Await(t, Pods, ns, many[0].Name, func(p *corev1.Pod) error {
		if p.DeletionTimestamp == nil {
			return fmt.Errorf("it stays")
		}
		return nil
	})
	if err := cluster.Restart("kubelet"); err != nil {
		t.Fatal(err)
	}
	Remove(t, ns, "later")
	AwaitNoPods(t, ns, "app=many")
	for i := range many {
		unmountedFlex(t, &many[i])
	}
	if left := Mounts(t, "azure~kv"); len(left) > 0 {
		t.Errorf("mounted still: %q", left)
	}
}

// inode is that of a file in a pod's volume, which another mount would not have.
func inode(t *testing.T, pod *corev1.Pod) uint64 {
	t.Helper()
	info, err := os.Stat(FlexTarget(pod, "kv") + "/db")
	if err != nil {
		t.Fatal(err)
	}
	s := info.Sys().(*syscall.Stat_t)
	return s.Dev<<32 ^ s.Ino
}
