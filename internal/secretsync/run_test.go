package secretsync

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// until yields to the driver's own goroutine until it has done what is awaited.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for !done() {
		if t.Context().Err() != nil {
			t.Fatal("it never came")
		}
		runtime.Gosched()
	}
}

// running is a cluster with one node whose Run works on a clock that the test turns.
func running(t *testing.T) (*cluster, *node, *clock.Fake) {
	c, at := newCluster(t), clock.NewFake()
	n := c.node(onClock(at))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c, n, at
}

func TestRunTriesAgainWhatFailed(t *testing.T) {
	t.Parallel()
	c, n, at := running(t)
	c.refuse = fault.New(fault.Unavailable, "", "no answer")
	n.pod("web-1", "web-rs", c.class("web", "db")).has(t.Context(), "db", "one")
	c.mu.Lock()
	c.refuse = nil
	c.mu.Unlock()
	at.BlockUntil(1)
	at.Advance(shortestWait)
	until(t, func() bool { return c.live("db") != nil })
	c.mustHold("db", "one", "uid-web-rs")
}

func TestRunPutsBackWhatWasDeleted(t *testing.T) {
	t.Parallel()
	c, n, at := running(t)
	n.pod("web-1", "web-rs", c.class("web", "db")).has(t.Context(), "db", "one")
	c.deliver()
	c.remove("db")
	c.deliver()
	at.BlockUntil(1)
	at.Advance(grace)
	until(t, func() bool { return c.live("db") != nil })
	c.mustHold("db", "one", "uid-web-rs")
}

func TestRunForgetsWhatIsUnmounted(t *testing.T) {
	t.Parallel()
	c, n, at := running(t)
	c.refuse = fault.New(fault.Unavailable, "", "no answer")
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	at.BlockUntil(1)
	n.Forget(p.target())
	c.calls()
	at.Advance(time.Hour)
	n.rouse()
	until(t, func() bool { return len(n.wake) == 0 })
	c.mustCall(0, 0)
}

// A cluster that does not answer must not keep a pod from its files for long.
func TestAMountWaitsNoLongerThanItsPatience(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node(func(config *Config) { config.Patience = time.Nanosecond })
	p := n.pod("web-1", "web-rs", c.class("web", "db"))
	p.has(t.Context(), "db", "one")
	if c.live("db") != nil {
		t.Fatal("the test is none: nobody was made to wait")
	}
	mustSay(t, n, "web-1 Warning FailedToCreateSecret: secret shop/db")
	n.Patience = time.Minute
	c.advance(shortestWait)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
}

// The kubelet going away is nobody's failure: it comes again, or Run does.
func TestACallerThatLeavesIsNotTold(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.pod("web-1", "web-rs", c.class("web", "db")).has(ctx, "db", "one")
	mustSay(t, n)
	c.advance(shortestWait)
	n.tend()
	c.mustHold("db", "one", "uid-web-rs")
}

func TestVersionsCompareAsNumbers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, than string
		want          bool
	}{
		{"10", "9", true}, {"9", "10", false}, {"9", "9", false}, {"9", "", true}, {"", "9", false}, {"b", "a", true}, {"a", "a", false}, {"", "", false},
	} {
		if got := newer(test.version, test.than); got != test.want {
			t.Errorf("newer(%q, %q) is %v", test.version, test.than, got)
		}
	}
}

func TestFailuresSortByWhatAPersonWouldCallOne(t *testing.T) {
	t.Parallel()
	api := func(cause string) error {
		return refused(fault.New(fault.Unavailable, "", "%s", cause), id{"a", "b"}, "read")
	}
	if sort(api("request 1")) != sort(api("request 2")) {
		t.Error("each request would be told of")
	}
	wrong := func(cause string) error { return fault.Wrap(errors.New(cause), fault.Invalid, "", "wrong") }
	if sort(wrong("a is missing")) == sort(wrong("b is missing")) || sort(nil) != "" {
		t.Error("another mistake would not be told of")
	}
}
