package controller

import (
	"context"
	"log/slog"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// StartupTaint is the key of the taint that keeps pods off a node until its driver is there. Whoever makes nodes puts it
// on them; nobody puts it back.
const StartupTaint = "secrets-store.csi.k8s.io/agent-not-ready"

// Nodes takes every taint of a key off a node, and leaves the others. A node without such a taint, or one that is gone,
// is done.
type Nodes interface {
	RemoveTaint(ctx context.Context, node, key string) error
}

// Taints removes StartupTaint from nodes whose driver is there. Make it with NewTaints, for one Run.
type Taints struct {
	nodes Nodes
	log   *slog.Logger
	queue *queue[string]
}

// NewTaints starts nothing.
func NewTaints(nodes Nodes, clock clock.Clock, log *slog.Logger) *Taints {
	return &Taints{nodes: nodes, log: log, queue: newQueue[string](clock)}
}

// DriverThere takes the name of a node whose CSINode lists the driver and that has the taint. It may be called before
// Run, and as often as anybody likes.
func (t *Taints) DriverThere(node string) { t.queue.add(node) }

// Run removes taints until ctx is done, and returns nil then.
func (t *Taints) Run(ctx context.Context) error {
	t.queue.run(ctx, atOnce, t.remove, t.failed)
	return nil
}

func (t *Taints) remove(ctx context.Context, node string) error {
	err := t.nodes.RemoveTaint(ctx, node, StartupTaint)
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
