package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Watcher reads a file of many pods again and again, as the pods' own processes see it, and notes when one is not there
// or holds what nobody put there.
type Watcher struct {
	t    testing.TB
	path string // in the pods
	stop context.CancelFunc
	over chan struct{}

	mu      sync.Mutex
	allowed []string
	pods    map[string]view // by UID
	missed  []string
	reads   int
}

// view is a pod and the file's path by way of its process.
type view struct{ name, file string }

// Watch begins to read a file of every pod that is Added, 5 times a second each, until Stop. Texts are what it may hold.
func Watch(t testing.TB, path string, texts ...string) *Watcher {
	ctx, cancel := context.WithCancel(t.Context())
	w := &Watcher{t: t, path: path, stop: cancel, over: make(chan struct{}), allowed: texts, pods: map[string]view{}}
	go func() {
		defer close(w.over)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			w.look()
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-w.over
	})
	return w
}

// Add watches pods, whose containers run.
func (w *Watcher) Add(pods ...corev1.Pod) {
	w.t.Helper()
	for _, p := range pods {
		pid, err := processOf(string(p.UID), w.path)
		if err != nil {
			w.t.Fatalf("%s: %v", p.Name, err)
		}
		w.mu.Lock()
		w.pods[string(p.UID)] = view{p.Name, seenBy(pid, w.path)}
		w.mu.Unlock()
	}
}

// Forget no longer watches a pod, which is about to go.
func (w *Watcher) Forget(p corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pods, string(p.UID))
}

// Allow lets the file hold another text, too.
func (w *Watcher) Allow(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed = append(w.allowed, text)
}

func (w *Watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pods {
		text, err := os.ReadFile(p.file)
		w.reads++
		if err == nil && slices.Contains(w.allowed, string(text)) {
			continue
		}
		w.missed = append(w.missed, fmt.Sprintf("%s at %s: %q, %v", p.name, time.Now().Format("15:04:05.000"), text, err))
	}
}

// Stop ends the watching and fails the test when a file was ever missing.
func (w *Watcher) Stop() {
	w.t.Helper()
	w.stop()
	<-w.over
	w.t.Logf("%d reads of %s, at the end in %d pods", w.reads, w.path, len(w.pods))
	if len(w.missed) > 0 {
		w.t.Errorf("%d of %d reads found no file: %q", len(w.missed), w.reads, w.missed[:min(len(w.missed), 10)])
	}
	if w.reads == 0 {
		w.t.Error("nothing was ever read")
	}
}
