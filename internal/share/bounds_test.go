package share_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/share"
)

func keep(t *testing.T, p *share.Pool, name string, size int) {
	t.Helper()
	mustGet(t, p, want(node("a"), name), (&counterpart{answer: text(strings.Repeat("x", size))}).fetch)
}

func isKept(p *share.Pool, name string) bool {
	_, ok := share.LastKnownGood[text](p, want(node("a"), name), time.Hour)
	return ok
}

func TestLeastRecentlyUsedGoesAtTheBoundOfEntries(t *testing.T) {
	t.Parallel()
	p, _ := newPool(share.Config{MaxEntries: 3})
	for _, name := range []string{"one", "two", "three"} {
		keep(t, p, name, 1)
	}
	used := want(node("a"), "one")
	used.Immutable = true
	mustGet(t, p, used, (&counterpart{}).fetch)
	keep(t, p, "four", 1)
	for name, want := range map[string]bool{"one": true, "two": false, "three": true, "four": true} {
		if isKept(p, name) != want {
			t.Errorf("%s kept: %v", name, !want)
		}
	}
	if s := p.Stats(); s.Entries != 3 || s.Evictions != 1 {
		t.Errorf("%+v", s)
	}
}

func TestBoundOfBytes(t *testing.T) {
	t.Parallel()
	const bound = 100_000
	p, _ := newPool(share.Config{MaxBytes: bound})
	for i := range 500 {
		keep(t, p, fmt.Sprintf("n%d", i), i*10)
		if s := p.Stats(); s.Bytes > bound || s.Bytes < 0 {
			t.Fatalf("%d bytes kept", s.Bytes)
		}
	}
	if s := p.Stats(); s.Evictions == 0 || s.Entries+int(s.Evictions) != 500 {
		t.Errorf("%+v", s)
	}
}

func TestAnswerLargerThanTheBoundIsGivenAndNotKept(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{MaxBytes: 10_000})
	keep(t, p, "bystander", 1)
	keep(t, p, "grows", 1)
	c.Advance(time.Second)
	big := &counterpart{answer: text(strings.Repeat("x", 10_000))}
	if a := mustGet(t, p, want(node("a"), "grows"), big.fetch); len(a.Value) != 10_000 {
		t.Errorf("got %d bytes", len(a.Value))
	}
	if isKept(p, "grows") {
		t.Error("it, or what it supersedes, is kept")
	}
	if !isKept(p, "bystander") {
		t.Error("it drove others out")
	}
	if s := p.Stats(); s.Oversized != 1 || s.Evictions != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatNobodyUsesIsDropped(t *testing.T) {
	bubble(t, share.Config{MaxIdle: 2 * time.Hour}, func(t *testing.T, p *share.Pool) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		for _, name := range []string{"used", "left"} {
			keep(t, p, name, 1)
		}
		time.Sleep(time.Hour)
		isKept(p, "used")
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := p.Stats(); s.Swept != 0 || s.Entries != 2 {
			t.Errorf("swept too early: %+v", s)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s := p.Stats(); s.Swept != 1 || s.Entries != 1 || s.Evictions != 0 {
			t.Errorf("%+v", s)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestNothingIsDroppedForIdlenessWhereThatIsForbidden(t *testing.T) {
	bubble(t, share.Config{MaxIdle: -1}, func(t *testing.T, p *share.Pool) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		keep(t, p, "left", 1)
		time.Sleep(1000 * time.Hour)
		synctest.Wait()
		if s := p.Stats(); s.Swept != 0 || s.Entries != 1 {
			t.Errorf("%+v", s)
		}
		cancel()
		<-ended
	})
}

func TestNothingIsLeftOfPrincipalsThatFailed(t *testing.T) {
	t.Parallel()
	p, _ := newPool(share.Config{MaxEntries: -1})
	for i := range 100 {
		mustGet(t, p, want(node(fmt.Sprint(i)), "get secret/s@"), (&counterpart{}).fetch)
	}
	if s := p.Stats(); s.Principals != 0 || s.Bytes != 0 || s.Entries != 0 {
		t.Errorf("%+v", s)
	}
}

func TestVaultsRememberedAreBounded(t *testing.T) {
	t.Parallel()
	p, _ := newPool(share.Config{MaxVaults: 10})
	for i := range 100 {
		w := want(node("a"), "get secret/s@")
		w.Vault = fmt.Sprint("https://v", i)
		mustGet(t, p, w, (&counterpart{}).fetch)
	}
	if s := p.Stats(); len(s.Vaults) != 10 || s.Vaults[9].Name != "https://v99" {
		t.Errorf("%+v", s.Vaults)
	}
}

func TestRequestsInTheAirAreBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  share.Config
		most int32
	}{
		"per vault":      {share.Config{MaxPerVault: 4}, 8}, // of two vaults
		"altogether":     {share.Config{MaxFlights: 3}, 3},
		"for one vault":  {share.Config{MaxPerVault: 4, PerVault: map[string]int{"https://v0": 1}}, 5},
		"as it comes":    {share.Config{}, 64},
		"one at a time":  {share.Config{MaxFlights: 1, MaxPerVault: 1}, 1},
		"more than many": {share.Config{MaxPerVault: 1000}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, tc.cfg, func(t *testing.T, p *share.Pool) {
				var air, most atomic.Int32
				together(200, func(i int) {
					w := want(node("a"), fmt.Sprintf("get secret/s%d@", i))
					w.Vault = fmt.Sprint("https://v", i%2)
					mustGet(t, p, w, func(context.Context) (text, error) {
						n := air.Add(1)
						for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
						}
						time.Sleep(time.Millisecond)
						air.Add(-1)
						return "v", nil
					})
				}).Wait()
				if most.Load() != tc.most {
					t.Errorf("%d in the air, want %d", most.Load(), tc.most)
				}
			})
		})
	}
}
