package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An upgrade disturbs nobody: while the driver's DaemonSet is rolled twice and the provider's once, under 50 pods and one
// more each second that goes again once it runs, no pod ever misses a file, and no mount fails for good. Driver and
// provider are rolled one after the other, so either meets a newer and an older other.
func TestRollingTheDaemonSetsTakesNoFileFromAnyPod(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallAlone(t)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	vault.Set(t, "secret1", "one")
	WorkloadClass(ns, "class", vault, reader, "secret1").Apply(t)

	const many = 50
	Deployment(t, ns, "many", many, Mounting("class"))
	watcher := Watch(t, "/mnt/class/secret1", "one")
	pods := PodsOf(t, ns, "app=many")
	watcher.Add(pods...)

	arrivals := arrive(t, ns, func(name string) *corev1.Pod { return Pod(ns, name, Mounting("class")) })
	arrivals.mark(t, "before")
	for _, roll := range []string{"driver first", "driver again", "provider"} {
		workload, _, _ := strings.Cut(roll, " ")
		Upgrade(t, fmt.Sprintf("linux: {%s: {podAnnotations: {e2e/roll: %q}}}", workload, roll))
		arrivals.mark(t, roll)
	}
	arrivals.end(t)
	watcher.Stop()
	for _, p := range pods {
		now := AwaitReady(t, ns, p.Name)
		if got := now.Status.ContainerStatuses[0].RestartCount; got != 0 || now.UID != p.UID {
			t.Errorf("%s was started anew", p.Name)
		}
	}
	if got := Mounts(t, "kubernetes.io~csi/class"); len(got) != many {
		t.Errorf("%d mounts for %d pods", len(got), many)
	}
}

// arrivals are pods that come, one each second, and go.
type arrivals struct {
	stop    context.CancelFunc
	results chan arrival
	over    chan struct{}
}

type arrival struct {
	name   string
	waited time.Duration // from its creation until it was ready
	err    error
}

// abreast bounds how many newcomers are on their way at once, so that a machine which is busy with other things is not
// buried in them. One that has its processors to itself does not come near.
const abreast = 10

// arrive lets a pod come each second.
func arrive(t *testing.T, namespace string, spell func(name string) *corev1.Pod) *arrivals {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	a := &arrivals{stop: cancel, results: make(chan arrival, 1000), over: make(chan struct{})}
	bound := Within(t, 10*patience)
	go func() {
		defer close(a.over)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		places := make(chan struct{}, abreast)
		for i := 0; ctx.Err() == nil; i++ {
			places <- struct{}{}
			go func() {
				a.results <- comeAndGo(bound, namespace, spell(fmt.Sprintf("new-%d", i)))
				<-places
			}()
			select {
			case <-ctx.Done():
			case <-second.C:
			}
		}
		for range abreast { // when all places are free nobody is on the way
			places <- struct{}{}
		}
	}()
	return a
}

func comeAndGo(ctx context.Context, namespace string, pod *corev1.Pod) arrival {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	began := time.Now()
	pods := cluster.Client.CoreV1().Pods(namespace)
	_, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	if err == nil {
		_, err = await(ctx, Pods, namespace, pod.Name, notReady)
	}
	result := arrival{pod.Name, time.Since(began), err}
	if err == nil {
		result.err = pods.Delete(ctx, pod.Name, metav1.DeleteOptions{})
	}
	if result.err == nil {
		result.err = awaitGone(ctx, Pods, namespace, pod.Name)
	}
	return result
}

// mark tells how those fared that came and went since the last mark, of which there must be some.
func (a *arrivals) mark(t *testing.T, since string) {
	t.Helper()
	list := []arrival{<-a.results}
	for len(a.results) > 0 {
		list = append(list, <-a.results)
	}
	a.tell(t, since, list)
}

func (a *arrivals) tell(t *testing.T, since string, list []arrival) {
	t.Helper()
	if len(list) == 0 {
		return
	}
	for _, one := range list {
		if one.err != nil {
			t.Errorf("%s: pod %s: %v", since, one.name, one.err)
		}
	}
	slices.SortFunc(list, func(x, y arrival) int { return int(x.waited - y.waited) })
	t.Logf("%s: %d new pods, ready after %.1f s at the median and %.1f s at most", since, len(list),
		list[len(list)/2].waited.Seconds(), list[len(list)-1].waited.Seconds())
}

// end lets no more come and waits until the last has gone.
func (a *arrivals) end(t *testing.T) {
	t.Helper()
	a.stop()
	<-a.over
	close(a.results)
	var list []arrival
	for one := range a.results {
		list = append(list, one)
	}
	a.tell(t, "the last ones", list)
}
