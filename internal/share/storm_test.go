package share_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/share"
)

// sick is a vault that fails until well, and remembers when it was asked.
type sick struct {
	mu    sync.Mutex
	began time.Time
	well  time.Time
	err   *fault.Error
	asked []time.Duration
}

func (v *sick) fetch(context.Context) (text, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, time.Since(v.began))
	if time.Now().Before(v.well) {
		return "", v.err
	}
	return "v", nil
}

// TestStorm sends a thousand callers of as many principals to a sick vault, each for its own object, and lets each
// come back until it is served, like a kubelet.
func TestStorm(t *testing.T) {
	for name, tc := range map[string]struct {
		err    *fault.Error
		sick   time.Duration
		probes []time.Duration // after the first requests, up to the one that succeeds
	}{
		"429 without Retry-After": {
			&fault.Error{Kind: fault.Throttled, Remote: fault.Remote{Status: 429}}, 100 * time.Second,
			seconds(1, 3, 7, 15, 31, 63, 123),
		},
		"429 with Retry-After": {
			&fault.Error{Kind: fault.Throttled, RetryAfter: 20 * time.Second, Remote: fault.Remote{Status: 429}}, 50 * time.Second,
			seconds(20, 40, 60),
		},
		"503": {
			&fault.Error{Kind: fault.Unavailable, Remote: fault.Remote{Status: 503}}, 10 * time.Second,
			seconds(1, 3, 7, 15),
		},
		"no route": {
			&fault.Error{Kind: fault.Unavailable}, 40 * time.Second,
			seconds(0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5),
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, share.Config{MaxPerVault: 4}, func(t *testing.T, p *share.Pool) {
				vault := &sick{began: time.Now(), well: time.Now().Add(tc.sick), err: tc.err}
				var turnedAway atomic.Int32
				together(1000, func(i int) {
					w := want(node(fmt.Sprint(i)), fmt.Sprintf("get secret/s%d@", i))
					for {
						_, err := share.Get(context.Background(), p, w, vault.fetch)
						if err == nil {
							return
						}
						if fault.RetryAfterOf(err) == 0 && tc.err.RetryAfter == 0 && err.(*fault.Error).Subject == w.Vault {
							t.Errorf("turned away without a time: %v", err)
						}
						turnedAway.Add(1)
						time.Sleep(max(fault.RetryAfterOf(err), 100*time.Millisecond))
					}
				}).Wait()

				var probes []time.Duration
				for _, at := range vault.asked {
					if at > 0 && at <= tc.probes[len(tc.probes)-1] {
						probes = append(probes, at)
					}
				}
				failed := len(vault.asked) - 1000
				if first := failed - (len(tc.probes) - 1); first < 1 || first > 4 {
					t.Errorf("%d requests before the pause, want no more than were in the air", first)
				}
				checkProbes(t, probes, tc.probes)
				if turnedAway.Load() == 0 {
					t.Error("nobody was turned away")
				}
			})
		})
	}
}

// checkProbes wants one request per step and, at the last one, which succeeds, all the others after it.
func checkProbes(t *testing.T, got, want []time.Duration) {
	t.Helper()
	if len(got) < len(want) {
		t.Fatalf("probes at %v, want %v", got, want)
	}
	const tick = 100 * time.Millisecond // a step may end while everybody is away
	for i, at := range want[:len(want)-1] {
		if got[i] < at || got[i] > at+time.Duration(i+1)*tick {
			t.Errorf("probe %d at %v, want %v", i, got[i], at)
		}
	}
}

func seconds(list ...float64) []time.Duration {
	durations := make([]time.Duration, len(list))
	for i, s := range list {
		durations[i] = time.Duration(s * float64(time.Second))
	}
	return durations
}

// A caller with more patience than the pause is long waits and is served.
func TestShortPauseIsWaitedFor(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		began := time.Now()
		_, err := share.Get(context.Background(), p, want(node("a"), "get secret/s@"), func(context.Context) (text, error) {
			return "", &fault.Error{Kind: fault.Throttled, RetryAfter: 5 * time.Second}
		})
		expectKind(t, err, fault.Throttled)
		mustGet(t, p, want(node("b"), "get secret/s@"), (&counterpart{answer: "v"}).fetch)
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

// A pause is lengthened beyond the leader's deadline while it waits; those who follow it have time, and one of them
// leads.
func TestImpatientLeaderDoesNotSpeakForTheOthers(t *testing.T) {
	bubble(t, share.Config{MaxWait: 10 * time.Second}, func(t *testing.T, p *share.Pool) {
		began := time.Now()
		var sent sync.WaitGroup
		sent.Add(2)
		for i := range 2 { // both sent before the pause; the second's 429 comes a second into it
			go func() {
				_, _ = share.Get(context.Background(), p, want(node(fmt.Sprint("first", i)), "get secret/s@"), func(context.Context) (text, error) {
					sent.Done()
					sent.Wait()
					time.Sleep(time.Duration(i) * time.Second)
					return "", &fault.Error{Kind: fault.Throttled, RetryAfter: time.Duration(2+2*i) * time.Second}
				})
			}()
		}
		synctest.Wait()

		w := want(node("a"), "get secret/s@")
		w.NotBefore = began
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		leader := together(1, func(int) {
			_, err := share.Get(ctx, p, w, (&counterpart{}).fetch)
			if fault.RetryAfterOf(err) == 0 || time.Since(began) != time.Second {
				t.Errorf("the leader got %v after %v", err, time.Since(began))
			}
		})
		synctest.Wait()
		together(20, func(int) { mustGet(t, p, w, (&counterpart{answer: "v"}).fetch) }).Wait()
		leader.Wait()
		if s := p.Stats(); s.Flights != 3 || time.Since(began) != 5*time.Second {
			t.Errorf("%d flights in %v, want 3 in 5s", s.Flights, time.Since(began))
		}
	})
}
