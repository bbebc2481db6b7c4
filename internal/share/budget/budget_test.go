package budget

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

func noJitter() float64 { return 0 }

// newKeeper is a keeper on a clock that the test turns.
func newKeeper(cfg Config) (*Keeper, *clock.Fake) {
	c := clock.NewFake()
	cfg.Clock = c
	if cfg.Rand == nil {
		cfg.Rand = noJitter
	}
	return New(cfg), c
}

// ask goes in and comes out with err; it fails the test when it is not let in at once.
func ask(t *testing.T, k *Keeper, err error) {
	t.Helper()
	pass, refused := k.Enter(context.Background(), "v", 0)
	if refused != nil {
		t.Fatal(refused)
	}
	pass.Leave(context.Background(), err)
}

func turnedAway(t *testing.T, k *Keeper) *fault.Error {
	t.Helper()
	_, err := k.Enter(context.Background(), "v", 0)
	var e *fault.Error
	if !errors.As(err, &e) {
		t.Fatalf("got in, or %v", err)
	}
	return e
}

func status(kind fault.Kind, http int, retryAfter time.Duration) error {
	return &fault.Error{Kind: kind, Remote: fault.Remote{Status: http}, RetryAfter: retryAfter}
}

var errUnclassified = errors.New("nonsense")

// TestOutcomes holds what each outcome does to an open gate, and what it does as a probe's.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	type does struct{ pauses, endsPause, handsOver bool }
	live := context.Background()
	for name, tc := range map[string]struct {
		ctx  context.Context
		err  error
		does does
	}{
		"success":                      {live, nil, does{endsPause: true}},
		"success to a caller who left": {cancelled, nil, does{endsPause: true}},
		"403":                          {live, status(fault.Denied, 403, 0), does{endsPause: true}},
		"404":                          {live, status(fault.NotFound, 404, 0), does{endsPause: true}},
		"401":                          {live, status(fault.Expired, 401, 0), does{endsPause: true}},
		"400":                          {live, status(fault.Invalid, 400, 0), does{endsPause: true}},
		"429":                          {live, status(fault.Throttled, 429, 0), does{pauses: true}},
		"429 to a caller who left":     {cancelled, status(fault.Throttled, 429, 0), does{pauses: true}},
		"503":                          {live, status(fault.Unavailable, 503, 0), does{pauses: true}},
		"502":                          {live, status(fault.Unavailable, 502, 0), does{pauses: true}},
		"no connection":                {live, status(fault.Unavailable, 0, 0), does{pauses: true}},
		"500":                          {live, status(fault.Unavailable, 500, 0), does{}},
		"not yet":                      {live, status(fault.Unavailable, 410, 0), does{}},
		"unclassified":                 {live, errUnclassified, does{}},
		"cancelled":                    {cancelled, status(fault.Unavailable, 0, 0), does{handsOver: true}},
		"past the caller's deadline":   {late, status(fault.Unavailable, 0, 0), does{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, _ := newKeeper(Config{})
			pass, _ := k.Enter(live, "v", 0)
			pass.Leave(tc.ctx, tc.err)
			if got := !k.visit("v").open(); got != tc.does.pauses {
				t.Errorf("pauses an open gate: %v", got)
			}

			k, c := newKeeper(Config{})
			ask(t, k, status(fault.Throttled, 429, time.Second))
			c.Advance(time.Second)
			pass, err := k.Enter(live, "v", 0)
			if err != nil {
				t.Fatal(err)
			}
			turnedAway(t, k) // the probe is alone
			pass.Leave(tc.ctx, tc.err)
			if got := k.visit("v").open(); got != tc.does.endsPause {
				t.Errorf("ends a pause: %v", got)
			}
			if tc.does.handsOver {
				ask(t, k, nil)
			} else if !tc.does.endsPause {
				turnedAway(t, k)
			}
		})
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	second := time.Second
	for name, tc := range map[string]struct {
		err  error
		rand func() float64
		want []time.Duration
	}{
		"throttled":            {status(fault.Throttled, 429, 0), noJitter, []time.Duration{second, 2 * second, 4 * second, 8 * second, 16 * second, 32 * second, 60 * second, 60 * second}},
		"throttled, spread":    {status(fault.Throttled, 429, 0), func() float64 { return 0.8 }, []time.Duration{1200 * time.Millisecond, 2400 * time.Millisecond, 4800 * time.Millisecond}},
		"unreachable":          {status(fault.Unavailable, 0, 0), noJitter, []time.Duration{second / 2, second, 2 * second, 4 * second, 8 * second, 15 * second, 15 * second}},
		"Retry-After":          {status(fault.Throttled, 429, 7*second), noJitter, []time.Duration{7 * second, 7 * second}},
		"Retry-After, spread":  {status(fault.Throttled, 429, 8*second), func() float64 { return 0.5 }, []time.Duration{9 * second, 9 * second}},
		"unreachable, spread":  {status(fault.Unavailable, 0, 0), func() float64 { return 0.8 }, []time.Duration{600 * time.Millisecond, 1200 * time.Millisecond, 2400 * time.Millisecond, 4800 * time.Millisecond, 9600 * time.Millisecond, 12 * second, 12 * second}},
		"Retry-After of 503":   {status(fault.Unavailable, 503, 90*second), noJitter, []time.Duration{90 * second}},
		"Retry-After of a day": {status(fault.Throttled, 429, 24*time.Hour), noJitter, []time.Duration{time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, c := newKeeper(Config{Rand: tc.rand})
			for i, d := range tc.want {
				ask(t, k, tc.err)
				c.Advance(d - 1)
				if e := turnedAway(t, k); e.RetryAfter != time.Second {
					t.Errorf("step %d: told to come back in %v", i, e.RetryAfter)
				}
				c.Advance(1)
			}
			ask(t, k, nil)
			ask(t, k, tc.err)
			c.Advance(tc.want[0])
			ask(t, k, nil) // an answer put the steps back
		})
	}
}

func TestJitterStaysWithinItsStep(t *testing.T) {
	t.Parallel()
	for step := range 100 {
		d := pause(fault.Throttled, step, 0, rand.Float64)
		if d < firstStep || d > lastStep {
			t.Fatalf("step %d is %v", step, d)
		}
	}
}

// Sixteen requests are in the air when the vault begins to throttle: their answers are one failure, not sixteen.
func TestFailuresInTheAirAreOneStep(t *testing.T) {
	t.Parallel()
	k, c := newKeeper(Config{})
	ctx := context.Background()
	var passes []*Pass
	for range 16 {
		p, err := k.Enter(ctx, "v", 0)
		if err != nil {
			t.Fatal(err)
		}
		passes = append(passes, p)
	}
	for _, p := range passes[:15] {
		p.Leave(ctx, status(fault.Throttled, 429, 0))
	}
	c.Advance(time.Second)
	probe, err := k.Enter(ctx, "v", 0)
	if err != nil {
		t.Fatal(err)
	}
	passes[15].Leave(ctx, status(fault.Throttled, 429, 10*time.Second)) // a late one asks for more
	probe.Leave(ctx, nil)
	c.Advance(10*time.Second - 1)
	turnedAway(t, k)
	c.Advance(1)
	ask(t, k, nil)
	ask(t, k, nil)
	if s := k.Stats()[0]; s.Pauses != 1 || s.Throttled != 16 || s.InAir != 0 || !s.PausedUntil.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestThoseTurnedAwayAreToldWhy(t *testing.T) {
	t.Parallel()
	k, _ := newKeeper(Config{})
	leaky := fault.New(fault.Throttled, "secret/someone-elses", "said someone else's secret")
	leaky.RetryAfter, leaky.Remote = 30*time.Second, fault.Remote{Status: 429, RequestID: "someone-elses-id"}
	ask(t, k, leaky)
	e := turnedAway(t, k)
	if e.Kind != fault.Throttled || e.RetryAfter != 30*time.Second || e.Subject != "v" {
		t.Errorf("%+v", e)
	}
	if got := e.Error(); got != "v: paused until 2030-01-02T03:04:35Z after it asked for fewer requests (HTTP 429)" {
		t.Error(got)
	}
	k, _ = newKeeper(Config{})
	ask(t, k, status(fault.Unavailable, 0, 0))
	if e := turnedAway(t, k); e.Kind != fault.Unavailable || !strings.Contains(e.Error(), "could not be reached") || e.Remedy == "" {
		t.Errorf("%+v", e)
	}
}

func TestOtherCounterpartsGoOn(t *testing.T) {
	t.Parallel()
	k, _ := newKeeper(Config{})
	ask(t, k, status(fault.Throttled, 429, time.Hour))
	pass, err := k.Enter(context.Background(), "w", 0)
	if err != nil {
		t.Fatal(err)
	}
	pass.Leave(context.Background(), nil)
}

// A hundred wait out a pause; one probes; the verdict frees them all, or none.
func TestOneProbeForAllWhoWait(t *testing.T) {
	for name, tc := range map[string]struct {
		verdict  error
		admitted int
	}{
		"well": {nil, 100},
		"sick": {status(fault.Throttled, 429, time.Minute), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := New(Config{Rand: noJitter})
				ask(t, k, status(fault.Throttled, 429, 2*time.Second))
				began := time.Now()
				var mu sync.Mutex
				var entered []time.Duration
				var all sync.WaitGroup
				for range 100 {
					all.Go(func() {
						pass, err := k.Enter(context.Background(), "v", 5*time.Second)
						if err != nil {
							return
						}
						mu.Lock()
						entered = append(entered, time.Since(began))
						mu.Unlock()
						time.Sleep(time.Second)
						pass.Leave(context.Background(), tc.verdict)
					})
				}
				all.Wait()
				if len(entered) != tc.admitted || entered[0] != 2*time.Second {
					t.Fatalf("%d entered, %v", len(entered), entered)
				}
				if tc.admitted > 1 && entered[1] != 3*time.Second {
					t.Errorf("the second entered after %v, before the verdict", entered[1])
				}
			})
		})
	}
}

// A probe that hangs keeps nobody longer than they can bear.
func TestProbeThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := New(Config{Rand: noJitter})
		ask(t, k, status(fault.Throttled, 429, 2*time.Second))
		time.Sleep(2 * time.Second)
		probe, err := k.Enter(context.Background(), "v", 0)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = k.Enter(context.Background(), "v", 5*time.Second)
		if fault.KindOf(err) != fault.Throttled || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		probe.Leave(context.Background(), nil)
		ask(t, k, nil)
	})
}

// Who has less time than patience waits for a verdict that may come in time.
func TestVerdictIsWaitedForDespiteADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := New(Config{Rand: noJitter})
		ask(t, k, status(fault.Throttled, 429, time.Second))
		time.Sleep(time.Second)
		probe, err := k.Enter(context.Background(), "v", 0)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { probe.Leave(context.Background(), nil) })
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		pass, err := k.Enter(ctx, "v", 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		pass.Leave(ctx, nil)
	})
}

// A probe that gives up in the queue, before it was sent, leaves its turn to the next.
func TestProbeThatNeverWent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := New(Config{Rand: noJitter, MaxPerName: 2})
		var old []*Pass
		for range 2 {
			p, err := k.Enter(context.Background(), "v", 0)
			if err != nil {
				t.Fatal(err)
			}
			old = append(old, p)
		}
		old[0].Leave(context.Background(), status(fault.Throttled, 429, time.Second))
		k.gates["v"].places <- struct{}{} // both places are taken, by requests sent before the pause
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := k.Enter(ctx, "v", 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		old[1].Leave(context.Background(), nil)
		ask(t, k, nil)
	})
}

func TestContextEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := New(Config{Rand: noJitter, MaxPerName: 1})
		inside, err := k.Enter(context.Background(), "v", 0)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := k.Enter(ctx, "v", 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in the queue: %v", err)
		}
		inside.Leave(context.Background(), status(fault.Throttled, 429, 3*time.Second))

		ctx, cancel = context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := k.Enter(ctx, "v", 5*time.Second); !errors.Is(err, context.DeadlineExceeded) || fault.RetryAfterOf(err) != 3*time.Second || time.Since(began) != 0 {
			t.Errorf("with a deadline before the end of the pause: %v after %v", err, time.Since(began))
		}
		ctx, stop := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, stop)
		if _, err := k.Enter(ctx, "v", 5*time.Second); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("cancelled in the pause: %v after %v", err, time.Since(began))
		}
		if s := k.Stats()[0]; s.InAir != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A gate begins to pause while callers queue for a place: they wait it out instead of going in one by one.
func TestQueueObeysAPauseThatBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := New(Config{Rand: noJitter, MaxPerName: 1})
		inside, _ := k.Enter(context.Background(), "v", 0)
		began := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				pass, err := k.Enter(context.Background(), "v", 5*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				if time.Since(began) < 3*time.Second {
					t.Errorf("entered after %v", time.Since(began))
				}
				pass.Leave(context.Background(), nil)
			})
		}
		synctest.Wait()
		inside.Leave(context.Background(), status(fault.Throttled, 429, 3*time.Second))
		all.Wait()
	})
}

func TestGatesRemembered(t *testing.T) {
	t.Parallel()
	k, c := newKeeper(Config{MaxNames: 2})
	ctx := context.Background()
	visit := func(name string, err error) {
		c.Advance(time.Millisecond)
		pass, refused := k.Enter(ctx, name, 0)
		if refused != nil {
			t.Fatal(refused)
		}
		pass.Leave(ctx, err)
	}
	names := func() string {
		var list []string
		for _, s := range k.Stats() {
			list = append(list, s.Name)
		}
		return strings.Join(list, " ")
	}
	visit("paused", status(fault.Throttled, 429, time.Hour))
	visit("older", nil)
	visit("newer", nil)
	if got := names(); got != "newer paused" {
		t.Errorf("remembered %q: an open gate goes before a paused one", got)
	}
	if _, err := k.Enter(ctx, "paused", 0); err == nil {
		t.Error("a paused gate let someone in")
	}
	a, _ := k.Enter(ctx, "a", 0)
	b, _ := k.Enter(ctx, "b", 0)
	d, _ := k.Enter(ctx, "d", 0)
	if got := names(); got != "a b d" {
		t.Errorf("remembered %q: a gate with a caller stays", got)
	}
	for _, p := range []*Pass{a, b, d} {
		p.Leave(ctx, nil)
	}
	if got := names(); strings.Count(got, " ") != 1 {
		t.Errorf("remembered %q after the callers left", got)
	}
}
