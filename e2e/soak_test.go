package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/e2e/azure"
)

// Promised: nothing grows. For the time of SOAK (30m) a pod is made and deleted every second beside ten that stay, the
// content is asked for every 5 s and changes every 10: every pod starts, and reads what the vault has; what the programs
// hold at the end is what they held at the beginning, and when the pods are gone nothing of them is left.
func TestSoak(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("SOAK, how long it is to last, is not set: make soak")
	}
	PodIdentityAlone(t)
	s := newSoak(t)
	before := s.measure()
	var all sync.WaitGroup
	ctx, stop := context.WithTimeout(t.Context(), lasts)
	defer stop()
	all.Go(func() { s.changing(ctx) })
	all.Go(func() { s.measuring(ctx, lasts) })
	s.coming(ctx)
	all.Wait()
	s.close()
	after := s.settled(before)
	s.report(lasts, before, after)
}

// soak is a namespace whose pods come and go.
type soak struct {
	t      *testing.T
	ns     string
	vault  azure.Vault
	inWork chan struct{} // as many as may be on their way at a time

	mu      sync.Mutex
	values  []string // of the secret, the latest last; one that is being set is among them
	set     int      // how many of them the vault has for sure
	made    int
	late    int // seconds without a new pod, since too many were on their way
	slowest time.Duration
	samples []sample
}

// atMostComing bounds the pods that are on their way: a machine that is slower than one a second makes what it can.
const atMostComing = 25

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{t: t, ns: PodSpace(t), inWork: make(chan struct{}, atMostComing)}
	reader := Azure().Managed(t, s.ns+"/default")
	s.vault = Azure().Vault(t, reader)
	WorkloadClass(s.ns, "class", s.vault, reader, "secret1").Apply(t)
	s.change()
	bound := Azure().Managed(t)
	Bind(t, s.ns, bound, s.ns)
	// One of each kind, so that everything has been asked for once before it is measured.
	pod := Run(t, Pod(s.ns, "first", Of(CurlImage), Mounting("class"), Labelled(BoundBy, s.ns)))
	AwaitToken(t, s.ns, "first", "", bound.ObjectID)
	Remove(t, s.ns, "first")
	AwaitAssigned(t, s.ns, "first")
	Eventually(t, "nothing is left of the first pod", func() error {
		if _, err := os.Stat("/var/lib/kubelet/pods/" + string(pod.UID)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("its directory is: %v", err)
		}
		if n := s.count(PodStatuses); n > 0 {
			return fmt.Errorf("%g statuses are", n)
		}
		return nil
	})
	return s
}

func (s *soak) change() {
	s.mu.Lock()
	value := fmt.Sprintf("value %d", len(s.values))
	s.values = append(s.values, value)
	s.mu.Unlock()
	s.vault.Set(s.t, "secret1", value)
	s.mu.Lock()
	s.set = len(s.values)
	s.mu.Unlock()
}

func (s *soak) changing(ctx context.Context) {
	for tick := time.NewTicker(10 * time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			s.change()
		}
	}
}

// coming makes a pod every second, and deletes it when it has been seen to be right. It returns when all are gone.
func (s *soak) coming(ctx context.Context) {
	for i := range 10 {
		Run(s.t, Pod(s.ns, fmt.Sprintf("stays-%d", i), Mounting("class")))
	}
	var pods sync.WaitGroup
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-tick.C:
		}
		select {
		case s.inWork <- struct{}{}:
			s.made++
			name := fmt.Sprintf("passes-%d", s.made)
			pods.Go(func() {
				defer func() { <-s.inWork }()
				if err := s.pass(name); err != nil {
					s.t.Errorf("%s: %v", name, err)
				}
			})
		default:
			s.late++
		}
	}
	pods.Wait()
	for i := range 10 {
		pod := AwaitReady(s.t, s.ns, fmt.Sprintf("stays-%d", i))
		AwaitFile(s.t, pod, "class", "secret1", s.values[len(s.values)-1])
	}
}

// pass is a pod's life.
func (s *soak) pass(name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 3*patience)
	defer cancel()
	s.mu.Lock()
	oldest := s.set - 1
	s.mu.Unlock()
	began := time.Now()
	pods := cluster.Client.CoreV1().Pods(s.ns)
	changes := []With{Mounting("class")}
	if strings.HasSuffix(name, "0") { // every tenth has an identity as well
		changes = append(changes, Labelled(BoundBy, s.ns))
	}
	if _, err := pods.Create(ctx, Pod(s.ns, name, changes...), metav1.CreateOptions{}); err != nil {
		return err
	}
	pod, err := await(ctx, Pods, s.ns, name, notReady)
	if err != nil {
		return err
	}
	took := time.Since(began)
	got, err := File(pod, "class", "secret1")
	s.mu.Lock()
	right := slices.Contains(s.values[oldest:], got)
	s.slowest = max(s.slowest, took)
	s.mu.Unlock()
	if err != nil || !right {
		return fmt.Errorf("it reads %q, %v; the vault had value %d when it came", got, err, oldest)
	}
	if err := pods.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	return awaitGone(ctx, Pods, s.ns, name)
}

// close removes what stays until the end.
func (s *soak) close() {
	err := cluster.Client.CoreV1().Pods(s.ns).DeleteCollection(s.t.Context(), atOnce(), metav1.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	AwaitNoPods(s.t, s.ns, "")
	AwaitUnmounted(s.t, "kubernetes.io~csi")
}

// settled waits until what counts pods is as it was before them.
func (s *soak) settled(before sample) (after sample) {
	Eventually(s.t, "what pods left is gone", func() error {
		after = s.measure()
		var errs []error
		for _, f := range figures {
			if was, is := before[f.name], after[f.name]; f.exact && is > was {
				errs = append(errs, fmt.Errorf("%s: %g, and %g before", f.name, is, was))
			}
		}
		return errors.Join(errs...)
	})
	return after
}

// podsOf counts for the table.
func (s *soak) podsOf() string {
	return fmt.Sprintf("%d pods came and went, %d seconds without a new one because %d were on their way; the slowest was ready after %s; %d changes of the secret",
		s.made, s.late, atMostComing, s.slowest.Round(100*time.Millisecond), len(s.values)-1)
}
