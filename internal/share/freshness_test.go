package share_test

import (
	"context"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/share"
)

func TestFreshness(t *testing.T) {
	t.Parallel()
	const age = 10 * time.Second // of what is kept, when the second caller comes
	for name, tc := range map[string]struct {
		notBefore time.Duration // before the second caller's now; negative: after
		zero      bool
		immutable bool
		shared    bool
	}{
		"asked for a moment before":    {notBefore: age - 1},
		"asked for at that very time":  {notBefore: age, shared: true},
		"asked for long after":         {notBefore: time.Minute, shared: true},
		"from now on":                  {notBefore: 0},
		"from a time yet to come":      {notBefore: -time.Hour},
		"nothing said means from now":  {zero: true},
		"immutable, nothing said":      {zero: true, immutable: true, shared: true},
		"immutable, from now on":       {notBefore: 0, immutable: true, shared: true},
		"immutable, from time to come": {notBefore: -time.Hour, immutable: true, shared: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := newPool(share.Config{})
			vault := &counterpart{answer: "old"}
			first := mustGet(t, p, want(node("a"), "get secret/s@"), vault.fetch)
			if first.Shared || !first.AskedAt.Equal(c.Now()) {
				t.Errorf("first answer is %+v", first)
			}
			c.Advance(age)
			vault.answer = "new"
			w := want(node("a"), "get secret/s@")
			w.Immutable = tc.immutable
			if !tc.zero {
				w.NotBefore = c.Now().Add(-tc.notBefore)
			}
			got := mustGet(t, p, w, vault.fetch)
			if got.Shared != tc.shared || (got.Value == "old") != tc.shared {
				t.Errorf("got %+v, want shared %v", got, tc.shared)
			}
		})
	}
}

func TestImmutableIsReauthorised(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reauthorise, age time.Duration
		calls            int
	}{
		"by default within the hour":       {0, time.Hour - 1, 1},
		"by default after an hour":         {0, time.Hour, 2},
		"never, when the operator says so": {-1, 1000 * time.Hour, 1},
		"as often as the operator says":    {time.Minute, time.Minute, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := newPool(share.Config{Reauthorise: tc.reauthorise})
			vault := &counterpart{answer: "pinned"}
			w := want(node("a"), "get secret/s@v1")
			w.Immutable = true
			mustGet(t, p, w, vault.fetch)
			c.Advance(tc.age)
			mustGet(t, p, w, vault.fetch)
			if vault.calls != tc.calls {
				t.Errorf("%d calls, want %d", vault.calls, tc.calls)
			}
		})
	}
}

func TestLastKnownGood(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	w := want(node("a"), "get secret/s@")
	if a, ok := share.LastKnownGood[text](p, w, time.Hour); ok {
		t.Fatalf("an empty pool gave %+v", a)
	}
	vault := &counterpart{answer: "good"}
	asked := mustGet(t, p, w, vault.fetch).AskedAt
	c.Advance(time.Minute)

	vault.err = fault.New(fault.Unavailable, "v1", "no route to host")
	_, err := share.Get(context.Background(), p, w, vault.fetch)
	expectKind(t, err, fault.Unavailable)

	a, ok := share.LastKnownGood[text](p, w, time.Minute)
	if !ok || a.Value != "good" || !a.AskedAt.Equal(asked) || !a.Shared {
		t.Errorf("within its age: %+v, %v", a, ok)
	}
	if a, ok := share.LastKnownGood[text](p, w, time.Minute-1); ok {
		t.Errorf("past its age: %+v", a)
	}
	if a, ok := share.LastKnownGood[text](p, w, 0); ok {
		t.Errorf("not allowed at all: %+v", a)
	}
	if s := p.Stats(); s.Stale != 1 {
		t.Errorf("%d stale answers counted, want 1", s.Stale)
	}
}
