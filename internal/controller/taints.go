package controller

import (
	"context"
	"log/slog"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Keys of the taints that keep pods off a node until what they need is there. Whoever makes nodes puts them on; nobody
// puts them back.
const (
	StartupTaint     = "secrets-store.csi.k8s.io/agent-not-ready" // until the driver is registered
	PodIdentityTaint = "aadpodidentity.k8s.io/agent-not-ready"    // until NMI is ready
)

// Nodes takes every taint of a key off a node, and leaves the others. A node without such a taint, or one that is gone,
// is done.
type Nodes interface {
	RemoveTaint(ctx context.Context, node, key string) error
}

// Taints removes the taints of one key from nodes where what they wait for is there. Make it with NewTaints, for one Run.
type Taints struct {
	nodes Nodes
	key   string
	log   *slog.Logger
	queue *queue[string]
}

// NewTaints starts nothing.
func NewTaints(nodes Nodes, key string, clock clock.Clock, log *slog.Logger) *Taints {
	return &Taints{nodes: nodes, key: key, log: log.With("taint", key), queue: newQueue[string](clock)}
}

// There takes the name of a node that has the taint although what it waits for is there. It may be called before Run, and
// as often as anybody likes.
func (t *Taints) There(node string) { t.queue.add(node) }

// Run removes taints until ctx is done, and returns nil then.
func (t *Taints) Run(ctx context.Context) error {
	t.queue.run(ctx, atOnce, t.remove, t.failed)
	return nil
}

func (t *Taints) remove(ctx context.Context, node string) error {
	err := t.nodes.RemoveTaint(ctx, node, t.key)
	if err == nil {
		t.log.Info("start-up taint removed", logkey.Node, node)
	}
	return err
}

func (t *Taints) failed(node string, times int, err error) {
	level := slog.LevelDebug
	if times == 1 {
		level = slog.LevelWarn
	}
	t.log.Log(context.Background(), level, "start-up taint not removed; tried again", logkey.Node, node, "times", times, logkey.Error, fault.Explain(err))
}
