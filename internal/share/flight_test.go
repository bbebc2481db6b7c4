package share_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/share"
)

// together runs n callers and returns when all are done.
func together(n int, call func(i int)) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { call(i) })
	}
	return &all
}

func TestBurstSeenBeforeTheFirstReadCostsOne(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		var calls, shared atomic.Int32
		seen := time.Now()
		time.Sleep(time.Second)
		together(1000, func(i int) {
			w := want(node("a"), "get secret/s@")
			w.NotBefore = seen
			a := mustGet(t, p, w, func(context.Context) (text, error) {
				calls.Add(1)
				time.Sleep(20 * time.Millisecond)
				return "v", nil
			})
			if a.Shared {
				shared.Add(1)
			}
		}).Wait()
		if calls.Load() != 1 || shared.Load() != 999 {
			t.Errorf("%d calls, %d shared", calls.Load(), shared.Load())
		}
	})
}

// A thousand callers, each of whom wants nothing older than itself, arrive while the first request is in the air.
func TestBurstCostsAtMostTwo(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		var calls atomic.Int32
		begun := time.Now()
		together(1000, func(i int) {
			time.Sleep(time.Duration(i) * time.Microsecond)
			came := time.Now()
			w := want(node("a"), "get secret/s@")
			w.NotBefore = came
			a := mustGet(t, p, w, func(context.Context) (text, error) {
				calls.Add(1)
				time.Sleep(20 * time.Millisecond)
				return "v", nil
			})
			if a.AskedAt.Before(came) {
				t.Errorf("caller %d was given an answer asked for %v before it came", i, came.Sub(a.AskedAt))
			}
		}).Wait()
		if calls.Load() != 2 {
			t.Errorf("%d calls, want 2", calls.Load())
		}
		if took := time.Since(begun); took > 41*time.Millisecond {
			t.Errorf("took %v, want two round trips", took)
		}
	})
}

// Who asks for an answer from the future gets one from now on, and shares it like everybody else.
func TestBurstFromAFastClockCostsAtMostTwo(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		together(1000, func(i int) {
			time.Sleep(time.Duration(i) * time.Microsecond)
			w := want(node("a"), "get secret/s@")
			w.NotBefore = time.Now().Add(time.Hour)
			mustGet(t, p, w, func(context.Context) (text, error) {
				time.Sleep(20 * time.Millisecond)
				return "v", nil
			})
		}).Wait()
		if n := p.Stats().Flights; n != 2 {
			t.Errorf("%d flights, want 2", n)
		}
	})
}

func TestOnlyOneInTheAirPerKey(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		var air, most atomic.Int32
		together(50, func(i int) {
			for range 20 {
				mustGet(t, p, want(node("a"), "get secret/s@"), func(context.Context) (text, error) {
					most.Store(max(most.Load(), air.Add(1)))
					time.Sleep(time.Millisecond)
					air.Add(-1)
					return "v", nil
				})
			}
		}).Wait()
		if most.Load() != 1 {
			t.Errorf("%d in the air at once", most.Load())
		}
	})
}

func TestLeaderCancelledHandsOver(t *testing.T) {
	for name, leaderContext := range map[string]func() (context.Context, context.CancelFunc){
		"by its caller": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		},
		"by its deadline": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
				slow := newHanging()
				w := want(node("a"), "get secret/s@")
				w.NotBefore = time.Now()
				leader := make(chan error)
				go func() {
					ctx, cancel := leaderContext()
					defer cancel()
					_, err := share.Get(ctx, p, w, slow.fetch)
					leader <- err
				}()
				<-slow.called
				followers := together(100, func(int) {
					if a := mustGet(t, p, w, slow.fetch); a.Value != "v" {
						t.Errorf("got %+v", a)
					}
				})
				if err := <-leader; !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the leader got %v", err)
				}
				<-slow.called // one of the followers leads
				slow.answer <- "v"
				followers.Wait()
				if n := p.Stats().Flights; n != 2 {
					t.Errorf("%d flights, want 2", n)
				}
			})
		})
	}
}

func TestFollowerCancelledLeavesTheFlightAlone(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		slow := newHanging()
		w := want(node("a"), "get secret/s@")
		w.NotBefore = time.Now()
		leader := together(1, func(int) { mustGet(t, p, w, slow.fetch) })
		<-slow.called
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := share.Get(ctx, p, w, slow.fetch)
		expectKind(t, err, fault.Unavailable)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		slow.answer <- "v"
		leader.Wait()
		if n := p.Stats().Flights; n != 1 {
			t.Errorf("%d flights, want 1", n)
		}
	})
}

func TestFailureIsShared(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		w := want(node("a"), "get secret/s@")
		w.NotBefore = time.Now()
		var calls atomic.Int32
		got := make([]*fault.Error, 100)
		together(100, func(i int) {
			_, err := share.Get(context.Background(), p, w, func(context.Context) (text, error) {
				calls.Add(1)
				time.Sleep(time.Millisecond)
				return "", fault.New(fault.Denied, "secret/s", "forbidden")
			})
			expectKind(t, err, fault.Denied)
			errors.As(err, &got[i])
			got[i].Mend("remedy of caller %d", i)
		}).Wait()
		for i, e := range got {
			if e.Message != "forbidden" || e.Remedy != fmt.Sprint("remedy of caller ", i) {
				t.Errorf("caller %d has %+v", i, e)
			}
		}
		if calls.Load() != 1 {
			t.Errorf("%d calls, want 1", calls.Load())
		}
	})
}

func TestBrokenFetchDoesNotWedgeTheKey(t *testing.T) {
	for name, breakOff := range map[string]func(){
		"panic":  func() { panic("boom") },
		"goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, share.Config{MaxPerVault: 1}, func(t *testing.T, p *share.Pool) {
				w := want(node("a"), "get secret/s@")
				w.NotBefore = time.Now()
				leader := together(1, func(int) {
					defer func() {
						if r := recover(); r != nil && fmt.Sprint(r) != "boom" {
							t.Errorf("recovered %v", r)
						}
					}()
					_, _ = share.Get(context.Background(), p, w, func(context.Context) (text, error) {
						time.Sleep(time.Second)
						breakOff()
						return "", nil
					})
					t.Error("the leader was not told")
				})
				synctest.Wait()
				_, err := share.Get(context.Background(), p, w, (&counterpart{}).fetch)
				expectKind(t, err, fault.Internal)
				leader.Wait()
				if a := mustGet(t, p, w, (&counterpart{answer: "well again"}).fetch); a.Value != "well again" {
					t.Errorf("got %+v", a)
				}
			})
		})
	}
}
