package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Every sort of pod gets its files: with two classes, as another user than root, for a Job that ends, and for a pod of a
// StatefulSet that comes back under its name. All of them read as one identity, so they share the vault's answers.
func TestEverySortOfPodGetsItsFiles(t *testing.T) {
	t.Parallel()
	Install(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	vault.Set(t, "secret2", "two")
	class := WorkloadClass(ns, "first", vault, reader, "secret1")
	class.Objects = append(class.Objects,
		"objectName: secret1\nobjectType: secret\nobjectAlias: dir/owner-only\nfilePermission: \"0400\"\n",
		"objectName: secret1\nobjectType: secret\nobjectAlias: dir/group-too\nfilePermission: \"0440\"\n")
	class.Apply(t)
	WorkloadClass(ns, "second", vault, reader, "secret2").Apply(t)

	Create(t, Pod(ns, "two-classes", Mounting("first"), Mounting("second")))
	Create(t, Pod(ns, "with-group", User(65534), Group(2000), Mounting("first")))
	Create(t, Pod(ns, "without-group", User(65534), Mounting("first")))
	job := template([]With{Once(), Mounting("first"), Running("sh", "-c", "cat /mnt/first/secret1")})
	create(t, ns, &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "once"}, Spec: batchv1.JobSpec{Template: job}})
	labels := map[string]string{"app": "store"}
	create(t, ns, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "store"}, Spec: appsv1.StatefulSetSpec{
		Selector: metav1.SetAsLabelSelector(labels), Template: template([]With{Labelled("app", "store"), Mounting("first")})}})

	t.Run("two classes in one pod", func(t *testing.T) {
		AwaitReady(t, ns, "two-classes")
		if got := Exec(t, ns, "two-classes", "cat", "/mnt/first/secret1", "/mnt/second/secret2"); got != "onetwo" {
			t.Errorf("%q", got)
		}
	})
	t.Run("not root, with an fsGroup", func(t *testing.T) {
		AwaitReady(t, ns, "with-group")
		if got := Exec(t, ns, "with-group", "cat", "/mnt/first/secret1", "/mnt/first/dir/owner-only", "/mnt/first/dir/group-too"); got != "oneoneone" {
			t.Errorf("%q", got)
		}
		// The group may read what the owner may, and nothing else is given away.
		for path, want := range map[string]string{"secret1": "644 0 2000\n", "dir/owner-only": "440 0 2000\n", "dir/group-too": "440 0 2000\n"} {
			if got := Exec(t, ns, "with-group", "stat", "-L", "-c", "%a %u %g", "/mnt/first/"+path); got != want {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
	})
	t.Run("not root, without an fsGroup", func(t *testing.T) {
		AwaitReady(t, ns, "without-group")
		if got := Exec(t, ns, "without-group", "cat", "/mnt/first/secret1"); got != "one" {
			t.Errorf("%q", got)
		}
		for _, path := range []string{"owner-only", "group-too"} {
			if got, err := TryExec(t, ns, "without-group", "cat", "/mnt/first/dir/"+path); err == nil || !strings.Contains(err.Error(), "Permission denied") {
				t.Errorf("%s: %q, %v", path, got, err)
			}
		}
	})
	t.Run("a Job", func(t *testing.T) {
		Await(t, Jobs, ns, "once", func(j *batchv1.Job) error {
			if j.Status.Failed > 0 {
				return Hopeless("its pod failed")
			}
			if j.Status.Succeeded != 1 {
				return fmt.Errorf("%d pods succeeded", j.Status.Succeeded)
			}
			return nil
		})
		pod := OnlyPod(t, ns, "job-name=once")
		if got := Logs(t, ns, pod.Name); got != "one" {
			t.Errorf("it wrote %q", got)
		}
		Eventually(t, "a pod that has ended keeps its volume", func() error {
			if got := Mounts(t, string(pod.UID)); len(got) > 0 {
				return fmt.Errorf("mounted: %q", got)
			}
			return nil
		})
	})
	t.Run("a pod of a StatefulSet that comes back", func(t *testing.T) { comesBack(t, ns) })
}

func comesBack(t *testing.T, ns string) {
	before := AwaitReady(t, ns, "store-0")
	if err := cluster.Client.CoreV1().Pods(ns).Delete(t.Context(), "store-0", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	after := Await(t, Pods, ns, "store-0", func(p *corev1.Pod) error {
		if p.UID == before.UID {
			return fmt.Errorf("it is the old one")
		}
		return notReady(p)
	})
	if got := Exec(t, ns, "store-0", "cat", "/mnt/first/secret1"); got != "one" {
		t.Errorf("%q", got)
	}
	if got := Mounts(t, string(before.UID)); len(got) > 0 {
		t.Errorf("of the old one there is still %q", got)
	}
	if got := Mounts(t, string(after.UID)); !slices.Contains(got, Target(after, "first")) {
		t.Errorf("of the new one there is %q", got)
	}
}

// create makes a Job or a StatefulSet.
func create(t *testing.T, namespace string, workload any) {
	t.Helper()
	var err error
	switch w := workload.(type) {
	case *batchv1.Job:
		_, err = cluster.Client.BatchV1().Jobs(namespace).Create(t.Context(), w, metav1.CreateOptions{})
	case *appsv1.StatefulSet:
		_, err = cluster.Client.AppsV1().StatefulSets(namespace).Create(t.Context(), w, metav1.CreateOptions{})
	default:
		t.Fatalf("no way to make a %T", workload)
	}
	if err != nil {
		t.Fatal(err)
	}
}
