package kube

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/kube/kubefake"
)

// contender is one process that wants to lead.
type contender struct {
	began, ended chan context.Context
	finish       chan error // sent to, the work returns by itself
	hold         chan struct{}
	result       chan error
	stop         context.CancelFunc
}

// contend starts one. Its work ends with its context, but not before hold is closed, if there is one.
func contend(t *testing.T, c *Client, name string, hold chan struct{}) *contender {
	t.Helper()
	p := &contender{began: make(chan context.Context, 10), ended: make(chan context.Context, 10), finish: make(chan error), hold: hold, result: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.result <- c.Lead(ctx, Lease{Namespace: "kube-system", Name: "leader", Identity: name}, func(ctx context.Context) error {
			p.began <- ctx
			defer func() { p.ended <- ctx }()
			select {
			case err := <-p.finish:
				return err
			case <-ctx.Done():
			}
			if p.hold != nil {
				<-p.hold
			}
			return ctx.Err()
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return p
}

// holder is who has the lease, without what the process added.
func (w *world) holder() string {
	o, there := w.Get("leases", "kube-system", "leader")
	if !there {
		return ""
	}
	name, _ := o["spec"].(kubefake.Object)["holderIdentity"].(string)
	if len(name) > 9 {
		name = name[:len(name)-9]
	}
	return name
}

// pass lets the time go on in small steps, each after everybody who waits has begun to.
func (w *world) pass(total time.Duration, waiters int) {
	for range int(total / time.Second) {
		w.clock.BlockUntil(waiters)
		w.clock.Advance(time.Second)
	}
}

func TestOneOfTwoLeads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := contend(t, w.client, "one", nil)
	next(t, one.began)
	two := contend(t, w.another(t), "two", nil)
	w.pass(time.Minute, 2)
	silent(t, two.began)
	silent(t, one.ended)
	if w.holder() != "one" {
		t.Error(w.holder())
	}
	one.stop()
	if err := next(t, one.result); err != nil {
		t.Error(err)
	}
	if w.holder() != "" {
		t.Error("the lease was not given back")
	}
	w.clock.BlockUntil(1)
	w.clock.Advance(2 * time.Second)
	next(t, two.began)
	if w.holder() != "two" {
		t.Error(w.holder())
	}
}

// A process that was killed does not give anything back.
func TestADeadHolderIsWaitedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: kube-system, name: leader},
		spec: {holderIdentity: dead, leaseDurationSeconds: 30, leaseTransitions: 4, renewTime: "2001-01-01T00:00:00.000000Z"}}`)
	one := contend(t, w.client, "one", nil)
	w.pass(28*time.Second, 1) // its clock may be wrong: the time in it counts for nothing
	silent(t, one.began)
	w.pass(4*time.Second, 1)
	next(t, one.began)
	o, _ := w.Get("leases", "kube-system", "leader")
	spec := o["spec"].(kubefake.Object)
	if spec["leaseTransitions"] != float64(5) || spec["leaseDurationSeconds"] != float64(15) || spec["acquireTime"] != spec["renewTime"] {
		t.Errorf("%v", spec)
	}
}

func TestAHolderThatCannotRenewStopsBeforeItIsTakenForDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := make(chan struct{})
	one := contend(t, w.client, "one", hold)
	work := next(t, one.began)
	w.Fail(kubefake.Fault{Verb: "update", Resource: "leases", Status: http.StatusInternalServerError})
	for range 5 { // the last at the end of Renew, when there is nothing to wait for any more
		w.clock.BlockUntil(1)
		if work.Err() != nil {
			t.Error("stopped too early")
		}
		w.clock.Advance(2 * time.Second)
	}
	next(t, work.Done())
	two := contend(t, w.another(t), "two", nil)
	w.pass(14*time.Second, 1)
	silent(t, two.began)
	close(hold)
	next(t, one.ended)
	w.Heal()
	for len(one.began)+len(two.began) == 0 {
		w.pass(time.Second, 2)
	}
	one.stop()
	two.stop()
	if len(one.began)+len(two.began) != 1 {
		t.Error("both lead")
	}
}

func TestALeaseThatSomebodyElseTookIsLostAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := contend(t, w.client, "one", nil)
	work := next(t, one.began)
	w.clock.BlockUntil(1)
	w.Put(`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: kube-system, name: leader}, spec: {holderIdentity: thief_12345678, leaseDurationSeconds: 15}}`)
	w.clock.Advance(2 * time.Second)
	<-work.Done()
	next(t, one.ended)
	one.stop()
	if err := next(t, one.result); err != nil || w.holder() != "thief" {
		t.Errorf("%v, held by %s", err, w.holder())
	}
}

// A write whose answer is lost has been done all the same.
func TestAnOutageShorterThanTheLeaseIsNoChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := contend(t, w.client, "one", nil)
	next(t, one.began)
	w.clock.BlockUntil(1)
	w.Fail(kubefake.Fault{Verb: "update", Resource: "leases", Times: 2, Status: http.StatusServiceUnavailable})
	w.Fail(kubefake.Fault{Verb: "update", Resource: "leases", Times: 1, Status: http.StatusConflict})
	w.pass(30*time.Second, 1)
	silent(t, one.ended)
	if w.holder() != "one" {
		t.Error(w.holder())
	}
}

// The next holder must not meet this one's work.
func TestTheLeaseIsKeptUntilTheWorkHasStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := make(chan struct{})
	one := contend(t, w.client, "one", hold)
	work := next(t, one.began)
	one.stop()
	<-work.Done()
	two := contend(t, w.another(t), "two", nil)
	w.pass(time.Minute, 2)
	silent(t, two.began)
	if w.holder() != "one" {
		t.Error(w.holder())
	}
	close(hold)
	if err := next(t, one.result); err != nil {
		t.Error(err)
	}
	w.clock.BlockUntil(1)
	w.clock.Advance(2 * time.Second)
	next(t, two.began)
}

func TestWorkThatEndsByItselfEndsTheLeading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := contend(t, w.client, "one", nil)
	next(t, one.began)
	broken := errors.New("broken")
	one.finish <- broken
	if err := next(t, one.result); !errors.Is(err, broken) || w.holder() != "" {
		t.Errorf("%v, held by %q", err, w.holder())
	}
}

func TestRenewingCostsOneCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := contend(t, w.client, "one", nil)
	next(t, one.began)
	w.clock.BlockUntil(1)
	w.ForgetCalls()
	w.pass(20*time.Second, 1)
	w.clock.BlockUntil(1)
	if n := len(w.Calls()); n != 10 || w.Count("update", "leases") != n {
		t.Errorf("10 renewals took %v", w.Calls())
	}
}

func TestALeaseThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, l := range map[string]Lease{
		"nobody":          {Name: "l"},
		"renews too late": {Name: "l", Identity: "i", Duration: 10 * time.Second, Renew: 10 * time.Second},
		"retries rarely":  {Name: "l", Identity: "i", Retry: time.Minute},
	} {
		err := w.client.Lead(t.Context(), l, func(context.Context) error { t.Error("led"); return nil })
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
