package controller_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/controller"
	"strongroom/internal/fault"
)

// nodes keeps taints by node.
type nodes struct {
	mu     sync.Mutex
	taints map[string][]string
	down   bool
	calls  int
}

func (n *nodes) RemoveTaint(_ context.Context, node, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	if n.down {
		return fault.New(fault.Unavailable, "", "connection refused")
	}
	if _, there := n.taints[node]; !there {
		return nil
	}
	n.taints[node] = slices.DeleteFunc(n.taints[node], func(taint string) bool { return taint == key })
	return nil
}

func TestTaintsAreRemovedOnceTheDriverIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := &nodes{taints: map[string][]string{"a": {controller.StartupTaint, controller.PodIdentityTaint}, "b": {controller.StartupTaint}}, down: true}
		time0, log := clock.NewFake(), &bytes.Buffer{}
		taints := controller.NewTaints(n, controller.StartupTaint, time0, slog.New(slog.NewTextHandler(log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		taints.There("a") // before anything runs
		ended := make(chan error, 1)
		go func() { ended <- taints.Run(ctx) }()
		synctest.Wait()
		if n.calls != 1 || !strings.Contains(log.String(), "connection refused") {
			t.Errorf("%d calls, log %s", n.calls, log)
		}
		n.mu.Lock()
		n.down = false
		n.mu.Unlock()
		taints.There("gone")
		time0.Advance(time.Second)
		synctest.Wait()
		if !slices.Equal(n.taints["a"], []string{controller.PodIdentityTaint}) || !slices.Equal(n.taints["b"], []string{controller.StartupTaint}) {
			t.Errorf("%v", n.taints)
		}
		if n.calls != 3 {
			t.Errorf("%d calls", n.calls)
		}
		time0.Advance(time.Hour)
		synctest.Wait()
		if n.calls != 3 {
			t.Errorf("a node that is gone is asked for again: %d calls, %s", n.calls, log)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
