package kube

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// podOf is a manifest; extra goes into its metadata.
func podOf(name, uid, extra string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: %s, uid: %s%s}, spec: {nodeName: n1}, status: {phase: Running}}", name, uid, extra)
}

// podWorld watches the pods of node n1.
type podWorld struct {
	*world
	pods            *Pods
	heard           <-chan struct{}
	refreshed, gone chan string
}

func newPodWorld(t *testing.T) *podWorld {
	t.Helper()
	w := &podWorld{world: newWorld(t), refreshed: make(chan string, 100), gone: make(chan string, 100)}
	w.pods = w.client.Pods("n1")
	w.heard = news(w.pods.watch)
	w.pods.OnRefresh(func(uid string) { w.refreshed <- uid })
	w.pods.OnGone(func(uid string) { w.gone <- uid })
	return w
}

func TestAPodIsFirstSeenWhenTheNewsIsHere(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t)
	w.Put(podOf("early", "u1", ""))
	started := w.clock.Now()
	w.clock.Advance(time.Minute)
	running(t, w.pods.Run)
	next(t, w.heard)
	w.opened(t, "pods")
	if seen, ok := w.pods.FirstSeen(secret.Pod{UID: "u1"}); !ok || seen.Sub(started) != time.Minute {
		t.Errorf("a pod of the first list was seen %s after the start, want when the list came", seen.Sub(started))
	}
	if _, ok := w.pods.FirstSeen(secret.Pod{Namespace: "shop", Name: "early", UID: "u2"}); ok {
		t.Error("a pod nobody saw was seen")
	}
	w.clock.Advance(time.Minute)
	created := w.clock.Now()
	w.Put(podOf("late", "u2", ""))
	next(t, w.heard)
	seen, ok := w.pods.FirstSeen(secret.Pod{UID: "u2"})
	if !ok || seen.Before(created) {
		t.Errorf("seen %s before it was created", created.Sub(seen))
	}
	w.clock.Advance(time.Minute)
	w.Put(podOf("late", "u2", ", labels: {a: b}"))
	next(t, w.heard)
	if again, _ := w.pods.FirstSeen(secret.Pod{UID: "u2"}); !again.Equal(seen) {
		t.Error("a change moved the first sight")
	}
	w.Expire()
	w.opened(t, "pods")
	next(t, w.heard)
	next(t, w.heard)
	if again, _ := w.pods.FirstSeen(secret.Pod{UID: "u2"}); !again.Equal(seen) {
		t.Error("a lost watch moved the first sight")
	}
	if !w.pods.Synced() {
		t.Error("not synced")
	}
}

func TestAPodOfTheSameNameIsAnother(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*podWorld, *testing.T){
		"while watched": func(w *podWorld, t *testing.T) { w.Put(podOf("db-0", "u2", "")) },
		"while it is not": func(w *podWorld, t *testing.T) {
			w.Stop()
			w.Put(podOf("db-0", "u2", ""))
			w.Expire()
			resume(t, w.world)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPodWorld(t)
			w.Put(podOf("db-0", "u1", ""))
			running(t, w.pods.Run)
			next(t, w.heard)
			w.opened(t, "pods")
			first, _ := w.pods.FirstSeen(secret.Pod{UID: "u1"})
			w.clock.Advance(time.Minute)
			meanwhile(w, t)
			if uid := next(t, w.gone); uid != "u1" {
				t.Errorf("gone: %s", uid)
			}
			next(t, w.heard)
			next(t, w.heard)
			second, ok := w.pods.FirstSeen(secret.Pod{UID: "u2"})
			if _, old := w.pods.FirstSeen(secret.Pod{UID: "u1"}); old || !ok || second.Sub(first) != time.Minute {
				t.Errorf("seen %v %v, the old one %v", second, ok, old)
			}
		})
	}
}

func resume(t *testing.T, w *world) {
	t.Helper()
	if err := w.Resume(); err != nil {
		t.Fatal(err)
	}
}

func TestARefreshOfAPodIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t)
	w.Put(podOf("old", "u1", ", annotations: {strongroom/refresh: before}"))
	running(t, w.pods.Run)
	next(t, w.heard)
	silent(t, w.refreshed)
	w.Put(podOf("new", "u2", ", annotations: {strongroom/refresh: at birth}"))
	next(t, w.heard)
	silent(t, w.refreshed)
	if err := w.client.Annotate(t.Context(), KindPod, "shop", "new", secretsstore.AnnotationRefresh, "now"); err != nil {
		t.Fatal(err)
	}
	if uid := next(t, w.refreshed); uid != "u2" {
		t.Error(uid)
	}
	w.Put(podOf("new", "u2", ", labels: {a: b}, annotations: {strongroom/refresh: now}"))
	next(t, w.heard)
	next(t, w.heard)
	silent(t, w.refreshed)
}

func TestAPodIsKnownByItsUID(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t)
	w.Put(podOf("web", "u1", `, labels: {a: b}, ownerReferences: [
		{apiVersion: v1, kind: ConfigMap, name: x, uid: c}, {apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: r, controller: true}]`))
	want := Pod{
		Meta: secretsstore.Meta{Namespace: "shop", Name: "web", UID: "u1", Generation: 1},
		Owners: []secretsstore.Owner{
			{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "r"}, {APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "c"},
		},
	}
	check := func(what string) {
		t.Helper()
		got, err := w.pods.Pod(t.Context(), "shop", "web", "u1")
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		if _, err := w.pods.Pod(t.Context(), "shop", "web", "u2"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: another pod of that name: %v", what, err)
		}
		if _, err := w.pods.Pod(t.Context(), "shop", "none", "u1"); what == "read" && fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: no pod: %v", what, err)
		}
	}
	check("read")
	running(t, w.pods.Run)
	next(t, w.heard)
	check("watched")
	for i, status := range []string{"status: {phase: Succeeded}", "status: {phase: Failed}"} {
		w.Put(strings.ReplaceAll(podOf("web", "u1", ""), "status: {phase: Running}", status))
		next(t, w.heard)
		if p, _ := w.pods.Pod(t.Context(), "shop", "web", "u1"); !p.Finished {
			t.Error(i, "is not finished")
		}
	}
	w.Put(podOf("web", "u1", ", deletionTimestamp: '2030-01-01T00:00:00Z'"))
	next(t, w.heard)
	if p, _ := w.pods.Pod(t.Context(), "shop", "web", "u1"); !p.Finished {
		t.Error("a pod that is being deleted is not finished")
	}
}

func TestPodsOfOtherNodesAreNotSeen(t *testing.T) {
	t.Parallel()
	w := newPodWorld(t)
	w.Put(strings.ReplaceAll(podOf("other", "u0", ""), "n1", "n2"))
	w.Put(podOf("web", "u1", ""))
	running(t, w.pods.Run)
	next(t, w.heard)
	if n := len(w.pods.watch.all()); n != 1 {
		t.Errorf("%d pods", n)
	}
}

// Not in parallel: it measures the heap.
func TestWatchedPodsAreSmall(t *testing.T) {
	const many, ballast = 90, 20 << 10
	w := newPodWorld(t)
	for i := range many {
		if _, err := w.client.raw(t.Context(), call{verb: http.MethodPost, path: pods.at("shop", ""), body: map[string]any{
			"metadata": map[string]any{
				"name": fmt.Sprint("web-", i), "labels": map[string]string{"big": strings.Repeat("x", ballast/2)},
				"managedFields": []any{map[string]any{"manager": "m", "fieldsV1": map[string]string{"f": strings.Repeat("y", ballast/2)}}},
			},
			"spec": map[string]any{"nodeName": "n1"},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	before := heap()
	running(t, w.pods.Run)
	for range many {
		next(t, w.heard)
	}
	w.opened(t, "pods")
	w.client.Close()
	if grown := heap() - before; grown > many*ballast/4 {
		t.Errorf("%d pods of %d bytes keep %d bytes", many, ballast, grown)
	}
	runtime.KeepAlive(w)
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
