package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// disputes is how many times MIC has to delete what is being changed. Whether it meets a change is up to chance: not at
// every one of them, if it is quick.
const disputes = 8

// dispute has MIC delete what somebody else writes to all the time, until it had to read what stands there. That it did is
// looked for by who calls this.
func (l *lacking) dispute() {
	mic := components["aad-pod-id-mic-role"]
	refusal := (grant{micRole, anAssigned, "get"}).refusalOf(mic.account)
	for n := range disputes {
		if l.disputed(fmt.Sprint("disputed-", n), func() bool { return strings.Contains(heard(l.t, mic), refusal) }) {
			return
		}
	}
}

// disputed deletes a pod while its assignment is written to, and tells whether that was heard before MIC had removed it.
func (l *lacking) disputed(pod string, wasHeard func() bool) (did bool) {
	t := l.t
	assignments := func(ctx context.Context) (list []unstructured.Unstructured) {
		all, err := objects.Resource(AssignedIdentities).Namespace("").List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(all.Items, func(u unstructured.Unstructured) bool {
			return readAssignment(u).pod != pod || readAssignment(u).namespace != l.ns
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop()
	for _, u := range assignments(t.Context()) {
		for range 8 {
			writers.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					patch := fmt.Sprintf(`{"metadata":{"annotations":{"e2e":"%d"}}}`, n)
					_, _ = objects.Resource(AssignedIdentities).Namespace(u.GetNamespace()).Patch(ctx, u.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{}) // it may be gone
				}
			})
		}
	}
	if err := cluster.Client.CoreV1().Pods(l.ns).Delete(t.Context(), pod, atOnce()); err != nil {
		t.Error(err)
	}
	Eventually(t, "MIC deletes the assignment, or meets a change", func() error {
		did = wasHeard()
		if !did && len(assignments(t.Context())) > 0 {
			return errors.New("neither")
		}
		return nil
	})
	return did
}
