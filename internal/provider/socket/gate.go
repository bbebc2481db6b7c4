package socket

import (
	"context"
	"sync/atomic"

	"strongroom/internal/fault"
)

// gate bounds how many mounts run and how many wait. Waiting is first come, first served, as a channel is.
type gate struct {
	slots   chan struct{}
	queue   int64
	waiting atomic.Int64
}

func newGate(running, queue int) *gate {
	return &gate{slots: make(chan struct{}, running), queue: int64(queue)}
}

// enter returns when it is the caller's turn, who calls leave afterwards. With the queue full it fails at once: a
// driver that hears "busy" tries again, one that hears nothing holds its pod for two minutes.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return nil, fault.New(fault.Throttled, "", "%d mounts are running and %d are waiting, which is as many as this provider takes", cap(g.slots), g.queue).
			Mend("nothing, when pods start in a burst: the mount is tried again by itself; otherwise raise the provider's bound on concurrent mounts")
	}
	select {
	case g.slots <- struct{}{}:
		return g.leave, nil
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "", "gave up waiting for one of %d concurrent mounts to finish", cap(g.slots))
	}
}

func (g *gate) leave() { <-g.slots }
