package kube

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// election is one process's view of a lease. One goroutine at a time uses it.
type election struct {
	client *Client
	lease  Lease
	log    *slog.Logger

	seen    *coordinationv1.Lease // as last read or written; nil before, and when it may have changed since
	state   string                // the resourceVersion last seen
	changed time.Time             // when that was seen first, by our clock
	renewed time.Time             // when the last renewal that succeeded was asked for
}

// try takes or renews the lease and says whether it is ours now. To renew costs one call, as long as nobody interferes.
func (e *election) try(ctx context.Context) (held bool, err error) {
	asked := e.client.clock.Now()
	if e.seen == nil || !e.ours() {
		if err := e.look(ctx); err != nil {
			return false, err
		}
	}
	if e.seen != nil && !e.ours() && !e.free() {
		return false, nil
	}
	if err := e.take(ctx); err != nil {
		e.seen = nil // it may have been written nevertheless
		if fault.KindOf(err) == fault.Busy {
			return e.lostRace(ctx, asked)
		}
		return false, err
	}
	e.renewed = asked
	return true, nil
}

// lostRace finds out who won. It may have been us, by a write whose answer was lost; then there is a state to go on from.
func (e *election) lostRace(ctx context.Context, asked time.Time) (held bool, err error) {
	if err := e.look(ctx); err != nil || e.seen == nil || !e.ours() {
		return false, err
	}
	if err := e.take(ctx); err != nil {
		e.seen = nil
		return false, err
	}
	e.renewed = asked
	return true, nil
}

// look reads the lease and notes when it was seen to change. None leaves seen at nil.
func (e *election) look(ctx context.Context) error {
	var lease coordinationv1.Lease
	err := e.client.answered(ctx, call{verb: http.MethodGet, path: leases.at(e.lease.Namespace, e.lease.Name)}, &lease)
	if fault.KindOf(err) == fault.NotFound {
		e.seen = nil
		return nil
	}
	if err != nil {
		return err
	}
	e.note(&lease)
	return nil
}

func (e *election) note(lease *coordinationv1.Lease) {
	if lease.ResourceVersion != e.state {
		e.state, e.changed = lease.ResourceVersion, e.client.clock.Now()
	}
	e.seen = lease
}

func (e *election) ours() bool { return holder(e.seen) == e.lease.Identity }

func holder(l *coordinationv1.Lease) string {
	if l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// free is true of a lease that was given back, or whose holder was not heard of for as long as it asked for.
func (e *election) free() bool {
	patience := e.lease.Duration
	if s := e.seen.Spec.LeaseDurationSeconds; s != nil && *s > 0 {
		patience = time.Duration(*s) * time.Second
	}
	return holder(e.seen) == "" || e.client.clock.Now().Sub(e.changed) >= patience
}

// take writes our name into the lease, as the successor of the state last seen.
func (e *election) take(ctx context.Context) error {
	now := metav1.NewMicroTime(e.client.clock.Now())
	if e.seen == nil {
		fresh := coordinationv1.Lease{TypeMeta: leaseType, ObjectMeta: metav1.ObjectMeta{Namespace: e.lease.Namespace, Name: e.lease.Name}}
		e.claim(&fresh, now)
		return e.write(ctx, call{verb: http.MethodPost, path: leases.at(e.lease.Namespace, ""), body: &fresh})
	}
	next := e.seen.DeepCopy()
	next.TypeMeta = leaseType
	if e.ours() {
		next.Spec.RenewTime = &now
	} else {
		e.claim(next, now)
	}
	return e.write(ctx, call{verb: http.MethodPut, path: leases.at(e.lease.Namespace, e.lease.Name), body: next})
}

var leaseType = metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"}

func (e *election) claim(l *coordinationv1.Lease, now metav1.MicroTime) {
	seconds := int32((e.lease.Duration + time.Second - 1) / time.Second)
	transitions := int32(0)
	if l.Spec.LeaseTransitions != nil {
		transitions = *l.Spec.LeaseTransitions + 1
	}
	l.Spec.HolderIdentity = &e.lease.Identity
	l.Spec.LeaseDurationSeconds = &seconds
	l.Spec.AcquireTime, l.Spec.RenewTime = &now, &now
	l.Spec.LeaseTransitions = &transitions
}

func (e *election) write(ctx context.Context, r call) error {
	raw, err := e.client.raw(ctx, r)
	if err != nil {
		return err
	}
	var lease coordinationv1.Lease
	if err := json.Unmarshal(raw, &lease); err != nil {
		return fault.Wrap(err, fault.Unavailable, "API server", "its answer cannot be read")
	}
	e.note(&lease)
	return nil
}

// release gives the lease back, so that the next holder need not wait. That it fails is told and nothing more: the
// lease then runs out.
func (e *election) release(ctx context.Context) {
	if e.seen == nil || !e.ours() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	next := e.seen.DeepCopy()
	nobody, seconds := "", int32(1)
	next.TypeMeta = leaseType
	next.Spec.HolderIdentity, next.Spec.LeaseDurationSeconds = &nobody, &seconds
	err := e.write(ctx, call{verb: http.MethodPut, path: leases.at(e.lease.Namespace, e.lease.Name), body: next})
	if err != nil {
		e.log.Warn("the lease was not given back, and runs out instead", slog.String(logkey.Error, fault.Explain(err)))
		return
	}
	e.log.Info("gave the lease back")
}
