package kube

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Lease is what several processes compete for. Zero durations are those of Kubernetes' own components: 15, 10 and 2 s.
type Lease struct {
	Namespace, Name string
	// Identity is who holds it, for people to read: the pod's name. Each process adds something of its own, so that two
	// of one name are never taken for one.
	Identity string
	// Duration is how long a holder that is not heard of keeps the lease.
	Duration time.Duration
	// Renew is how long a holder that cannot renew goes on working. What it is shorter than Duration by is what the work
	// has to stop in.
	Renew time.Duration
	// Retry is how often a holder renews and the others look.
	Retry time.Duration
}

// releaseTimeout bounds giving the lease back; after it the others wait for Duration.
const releaseTimeout = 3 * time.Second

// Lead waits for the lease and then runs work, whose context ends when the lease is lost or ctx ends. It is given back
// when work has returned, not before, so that the next holder never meets this one's work. A lost lease is competed for
// again. Lead returns when ctx ends, with nil, or when work returns by itself, with its error.
//
// The mutual exclusion is the API server's: every write names the state it replaces. What is left to time is when a
// holder is taken for dead, and for that no two machines' clocks are compared: a holder is dead when this process, by
// its own monotonic clock, has not seen its lease change for as long as the holder itself asked for. The holder counts
// from before it asked to renew, and so stops first.
func (c *Client) Lead(ctx context.Context, l Lease, work func(ctx context.Context) error) error {
	l, err := l.complete()
	if err != nil {
		return err
	}
	e := &election{client: c, lease: l, log: c.log.With(slog.String(logkey.Lease, l.Namespace+"/"+l.Name))}
	for e.acquire(ctx) {
		e.log.Info("leading")
		lost, err := e.hold(ctx, work)
		if !lost {
			e.release(ctx)
		}
		if !lost || err != nil {
			return err
		}
		e.log.Warn("lost the lease, and stopped leading")
	}
	return nil
}

func (l Lease) complete() (Lease, error) {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&l.Duration, 15 * time.Second}, {&l.Renew, 10 * time.Second}, {&l.Retry, 2 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if l.Identity == "" || l.Retry <= 0 || l.Renew <= l.Retry || l.Duration <= l.Renew || l.Duration < time.Second {
		return l, fault.New(fault.Invalid, "lease "+l.Name, "needs an identity, and a retry shorter than the renewal, which is shorter than the duration")
	}
	var own [4]byte
	_, _ = rand.Read(own[:]) // never fails, by its contract
	l.Identity += "_" + hex.EncodeToString(own[:])
	return l, nil
}

// acquire tries until the lease is ours, and is false when ctx ended before.
func (e *election) acquire(ctx context.Context) bool {
	failing := false
	for ctx.Err() == nil {
		held, err := e.try(ctx)
		if held {
			return true
		}
		if err != nil && !failing && ctx.Err() == nil {
			e.log.Warn("the lease cannot be had, and is tried again", slog.String(logkey.Error, fault.Explain(err)))
		}
		failing = err != nil
		clock.Sleep(ctx, e.client.clock, e.lease.Retry)
	}
	return false
}

// hold runs work and renews beside it, until one of them ends; work that was told to stop is covered until it has. It
// returns when work has.
func (e *election) hold(ctx context.Context, work func(context.Context) error) (lost bool, err error) {
	working, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- work(working) }()
	for !lost {
		next, release := e.client.clock.After(e.lease.Retry)
		select {
		case err := <-done:
			release()
			return false, ended(ctx, err)
		case <-next:
			lost = !e.renew(context.WithoutCancel(ctx))
		}
	}
	stop()
	return true, ended(working, <-done)
}

// renew is false once the lease must be taken for lost: somebody else has it, or nothing was heard for too long.
func (e *election) renew(ctx context.Context) bool {
	left := e.lease.Renew - e.client.clock.Now().Sub(e.renewed)
	if left <= 0 {
		return false
	}
	calling, stop := context.WithTimeout(ctx, left)
	defer stop()
	held, err := e.try(calling)
	if err == nil {
		return held
	}
	e.log.Warn("the lease was not renewed, and is tried again", slog.String(logkey.Error, fault.Explain(err)))
	return e.client.clock.Now().Sub(e.renewed) < e.lease.Renew
}

// ended makes the end of work that was told to stop no error.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
