package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"strongroom/e2e/azure"
)

// bench is one run of the measurements.
type bench struct {
	t      *testing.T
	ns     string
	vaults map[string]azure.Vault // by class
	turns  int                    // how often a secret was changed
	table  table
}

func (b *bench) row(what, aim, got string) { b.table = append(b.table, [3]string{what, aim, got}) }

// class makes a class of ten secrets in a vault of its own, for an identity of its own. Interval may be empty.
func (b *bench) class(name, interval string) string {
	b.t.Helper()
	reader := Azure().Managed(b.t, b.ns+"/default")
	vault := Azure().Vault(b.t, reader)
	var names []string
	for i := range secretsOf {
		names = append(names, fmt.Sprintf("secret%d", i))
		vault.Set(b.t, names[i], "begin")
	}
	Azure().Break(b.t, azure.Fault{Service: "keyvault", Host: vault.Name, Latency: roundTrip})
	class := WorkloadClass(b.ns, name, vault, reader, names...)
	if interval != "" {
		class = class.With("rotationPollInterval", interval)
	}
	class.Apply(b.t)
	if b.vaults == nil {
		b.vaults = map[string]azure.Vault{}
	}
	b.vaults[name] = vault
	return name
}

// emptyDir gives the pod a volume that costs nothing.
func emptyDir(p *corev1.PodTemplateSpec) {
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "empty", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	main := &p.Spec.Containers[0]
	main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: "empty", MountPath: "/mnt/empty"})
}

// ready makes a pod and tells how long it took until it was ready.
func (b *bench) ready(pod *corev1.Pod) time.Duration {
	b.t.Helper()
	began := time.Now()
	Run(b.t, pod)
	return time.Since(began)
}

// start makes some pods of a class and waits for them.
func (b *bench) start(class, label string, count int) []*corev1.Pod {
	b.t.Helper()
	var pods []*corev1.Pod
	for i := range count {
		Create(b.t, Pod(b.ns, fmt.Sprintf("%s-%d", label, i), Mounting(class), Labelled("bench", label)))
	}
	for i := range count {
		pods = append(pods, AwaitReady(b.t, b.ns, fmt.Sprintf("%s-%d", label, i)))
	}
	return pods
}

// allReady creates the pods of a burst at once and tells how long it took until the last of them was ready.
func (b *bench) allReady(label string, with With) time.Duration {
	b.t.Helper()
	began := time.Now()
	var creating sync.WaitGroup
	errs := make([]error, burst)
	for i := range burst {
		creating.Go(func() {
			pod := Pod(b.ns, fmt.Sprintf("%s-%d", label, i), with, Labelled("bench", label))
			_, errs[i] = cluster.Client.CoreV1().Pods(b.ns).Create(b.t.Context(), pod, metav1.CreateOptions{})
		})
	}
	creating.Wait()
	if err := errors.Join(errs...); err != nil {
		b.t.Fatal(err)
	}
	err := follow(Within(b.t, 2*patience), Pods, b.ns, metav1.ListOptions{LabelSelector: "bench=" + label}, func(pods []unstructured.Unstructured) error {
		ready := 0
		for _, pod := range pods {
			conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
			for _, c := range conditions {
				if c, ok := c.(map[string]any); ok && c["type"] == "Ready" && c["status"] == "True" {
					ready++
				}
			}
		}
		if ready < burst {
			return fmt.Errorf("%d of %d are ready", ready, burst)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return time.Since(began)
}

// removeAll removes every pod and waits until their volumes are gone.
func (b *bench) removeAll() {
	b.t.Helper()
	if err := cluster.Client.CoreV1().Pods(b.ns).DeleteCollection(b.t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		b.t.Fatal(err)
	}
	err := follow(Within(b.t, patience), Pods, b.ns, metav1.ListOptions{}, func(pods []unstructured.Unstructured) error {
		if len(pods) > 0 {
			return fmt.Errorf("there are %d", len(pods))
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// set gives all secrets of a class another value, and tells the value and when the last of them had it.
func (b *bench) set(class string) (value string, since time.Time) {
	b.t.Helper()
	b.turns++
	value = fmt.Sprint("turn ", b.turns)
	for i := range secretsOf {
		b.vaults[class].Set(b.t, fmt.Sprintf("secret%d", i), value)
	}
	return value, time.Now()
}

// arrived tells how long it takes until all secrets of a class have the value in all of the pods.
func (b *bench) arrived(class, value string, since time.Time, pods []*corev1.Pod) time.Duration {
	b.t.Helper()
	ctx := Within(b.t, 2*patience)
	for _, pod := range pods {
		for i := range secretsOf {
			file := filepath.Join(Target(pod, class), fmt.Sprintf("secret%d", i))
			for text, err := os.ReadFile(file); string(text) != value; text, err = os.ReadFile(file) {
				select {
				case <-ctx.Done():
					b.t.Fatalf("%s: %q, %v after %s", file, text, err, time.Since(since))
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	}
	return time.Since(since)
}

// statuses waits until every pod's status is written.
func (b *bench) statuses(count int) {
	b.t.Helper()
	err := follow(Within(b.t, patience), PodStatuses, b.ns, metav1.ListOptions{}, func(list []unstructured.Unstructured) error {
		if len(list) != count {
			return fmt.Errorf("%d of %d pod statuses", len(list), count)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// writes are those of our service accounts since the mark, but for the neighbours', and how often the lease was renewed.
func (b *bench) writes(since WriteMark) (ours []Write, renewals int) {
	b.t.Helper()
	for _, w := range since.Since(b.t, Driver, Provider, Controller) {
		switch {
		case w.Resource == "leases":
			renewals++
		case w.Namespace == b.ns && strings.HasPrefix(w.Name, neighbour):
		default:
			ours = append(ours, w)
		}
	}
	return ours, renewals
}
