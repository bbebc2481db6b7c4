package share_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/share"
)

func TestWhatAFailureErases(t *testing.T) {
	t.Parallel()
	for kind, erases := range map[fault.Kind]bool{
		fault.Denied: true, fault.NotFound: true, fault.Expired: true,
		fault.Unavailable: false, fault.Throttled: false, fault.Internal: false, fault.Busy: false, fault.Invalid: false,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			p, c := newPool(share.Config{})
			w := want(node("a"), "get secret/s@")
			vault := &counterpart{answer: "v"}
			mustGet(t, p, w, vault.fetch)
			other := want(node("a"), "get secret/other@")
			mustGet(t, p, other, vault.fetch)
			c.Advance(time.Second)

			vault.err = fault.New(kind, "secret/s", "failed")
			_, err := share.Get(context.Background(), p, w, vault.fetch)
			expectKind(t, err, kind)
			if _, ok := share.LastKnownGood[text](p, w, time.Hour); ok == erases {
				t.Errorf("last known good there: %v", ok)
			}
			if _, ok := share.LastKnownGood[text](p, other, time.Hour); !ok {
				t.Error("another object's was erased")
			}
			w.Immutable = true // not even who would take any age
			if _, err := share.Get(context.Background(), p, w, vault.fetch); (err == nil) == erases {
				t.Errorf("get gave %v", err)
			}
		})
	}
}

func TestRefusedTokenErasesThePrincipal(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Denied, fault.NotFound, fault.Expired, fault.Invalid} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			p, c := newPool(share.Config{})
			mine, others := want(node("a"), "get secret/s@"), want(node("b"), "get secret/s@")
			elsewhere := mine
			elsewhere.Vault = "https://v2.vault.azure.net"
			for _, w := range []share.Want{mine, others, elsewhere} {
				mustGet(t, p, w, (&counterpart{answer: "v"}).fetch)
			}
			issueToken(t, p, mine, c.Now().Add(time.Hour))

			again := mine
			again.Name = "token for another resource"
			_, err := share.GetToken(context.Background(), p, again, func(context.Context) (ticket, error) {
				return ticket{}, fault.New(kind, "authority", "no")
			})
			expectKind(t, err, kind)
			for _, w := range []share.Want{mine, elsewhere} {
				if _, ok := share.LastKnownGood[text](p, w, time.Hour); ok {
					t.Errorf("%s: still there", w.Vault)
				}
			}
			if _, ok := share.LastKnownGood[text](p, others, time.Hour); !ok {
				t.Error("another principal lost its own")
			}
			if s := p.Stats(); s.Entries != 1 || s.Principals != 1 {
				t.Errorf("kept: %+v", s)
			}
		})
	}
}

// What a refusal overtakes in the air is its leader's alone: it is neither shared nor kept.
func TestForgetReachesWhatIsInTheAir(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		slow := newHanging()
		w := want(node("a"), "get secret/s@")
		w.NotBefore = time.Now()
		got := make(chan share.Answer[text], 2)
		for range 2 {
			go func() { got <- mustGet(t, p, w, slow.fetch) }()
			synctest.Wait()
		}
		time.Sleep(time.Second)
		p.Forget(w.Grant.Principal, time.Time{})
		slow.answer <- "before the refusal"
		if a := <-got; a.Shared || a.Value != "before the refusal" {
			t.Errorf("the leader got %+v", a)
		}
		synctest.Wait()
		if _, ok := share.LastKnownGood[text](p, w, time.Hour); ok {
			t.Error("it was kept")
		}
		slow.answer <- "after the refusal"
		if a := <-got; a.Value != "after the refusal" {
			t.Errorf("the follower got %+v", a)
		}
	})
}

func TestNobodyWaitsForWhatARefusalOvertook(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		slow := newHanging()
		w := want(node("a"), "get secret/s@")
		w.NotBefore = time.Now()
		first := together(1, func(int) { mustGet(t, p, w, slow.fetch) })
		<-slow.called
		p.Forget(w.Grant.Principal, time.Time{})
		if a := mustGet(t, p, w, (&counterpart{answer: "after the refusal"}).fetch); a.Shared {
			t.Errorf("got %+v", a)
		}
		time.Sleep(time.Second)
		w.NotBefore = time.Now()
		second := newHanging()
		leader := together(1, func(int) { mustGet(t, p, w, second.fetch) })
		<-second.called
		slow.answer <- "before the refusal"
		first.Wait() // and does not make the second's place its own
		follower := together(1, func(int) {
			if a := mustGet(t, p, w, (&counterpart{}).fetch); !a.Shared {
				t.Error("two in the air for one key")
			}
		})
		synctest.Wait()
		second.answer <- "after the refusal"
		leader.Wait()
		follower.Wait()
		if a, ok := share.LastKnownGood[text](p, w, time.Hour); !ok || a.Value != "after the refusal" {
			t.Errorf("kept: %+v, %v", a, ok)
		}
	})
}

// What still waits for its turn will be asked for after the refusal.
func TestForgetSparesWhatIsNotYetSent(t *testing.T) {
	bubble(t, share.Config{MaxPerVault: 1}, func(t *testing.T, p *share.Pool) {
		slow := newHanging()
		busy := together(1, func(int) { mustGet(t, p, want(node("b"), "get secret/s@"), slow.fetch) })
		<-slow.called
		w := want(node("a"), "get secret/s@")
		waiting := together(2, func(int) { mustGet(t, p, w, (&counterpart{answer: "v"}).fetch) })
		synctest.Wait()
		p.Forget(w.Grant.Principal, time.Time{})
		slow.answer <- "v"
		busy.Wait()
		waiting.Wait()
		if s := p.Stats(); s.Flights != 2 || s.Entries != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestForgetSparesWhatIsNewer(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	older, newer := want(node("a"), "get secret/older@"), want(node("a"), "get secret/newer@")
	refused := mustGet(t, p, older, (&counterpart{}).fetch).AskedAt
	c.Advance(1)
	mustGet(t, p, newer, (&counterpart{}).fetch)
	p.Forget(node("a").Principal, refused)
	p.Forget(node("nobody").Principal, refused)
	if _, ok := share.LastKnownGood[text](p, older, time.Hour); ok {
		t.Error("what was asked for with the refused token is still there")
	}
	if _, ok := share.LastKnownGood[text](p, newer, time.Hour); !ok {
		t.Error("what came after it was erased")
	}
}
