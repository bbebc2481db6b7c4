package share_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/share"
)

// ticket is a token.
type ticket struct {
	name             string
	refresh, expires time.Time
}

func (t ticket) Size() int                    { return len(t.name) }
func (t ticket) Life() (time.Time, time.Time) { return t.refresh, t.expires }

func tokenWant(client string) share.Want {
	return share.Want{Grant: node(client), Vault: "https://login.example", Name: "token https://vault.azure.net"}
}

func issueToken(t *testing.T, p *share.Pool, w share.Want, expires time.Time) share.Answer[ticket] {
	t.Helper()
	a, err := share.GetToken(context.Background(), p, w, func(context.Context) (ticket, error) {
		return ticket{name: "issued", expires: expires}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestTokenLife asks a second time at some moment of an hour's token, against an authority in some state.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	const said = 40 * time.Minute // when the issuer wants it refreshed
	var up error
	down := fault.New(fault.Unavailable, "authority", "no route to host")
	busy := fault.New(fault.Throttled, "authority", "too many requests")
	no := fault.New(fault.Denied, "authority", "AADSTS700213")
	odd := fault.New(fault.Internal, "authority", "nonsense in the answer")
	for name, tc := range map[string]struct {
		at        time.Duration
		refreshIn time.Duration
		authority error
		calls     int
		value     string // "" for an error
	}{
		"young":                                  {0, said, up, 1, "first"},
		"just before it is due":                  {said - 1, said, up, 1, "first"},
		"due":                                    {said, said, up, 2, "second"},
		"due, nothing said: five minutes before": {55 * time.Minute, 0, up, 2, "second"},
		"not due, nothing said":                  {55*time.Minute - 1, 0, up, 1, "first"},
		"due in an outage":                       {said, said, down, 2, "first"},
		"due and throttled":                      {said, said, busy, 2, "first"},
		"due and answered with nonsense":         {said, said, odd, 2, "first"},
		"due and refused":                        {said, said, no, 2, ""},
		"within the margin in an outage":         {59 * time.Minute, said, down, 2, ""},
		"just before the margin in an outage":    {59*time.Minute - 1, said, down, 2, "first"},
		"ended":                                  {time.Hour, said, up, 2, "second"},
		"ended and refused":                      {time.Hour, said, no, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := newPool(share.Config{})
			calls := 0
			issue := func(name string, err error) func(context.Context) (ticket, error) {
				return func(context.Context) (ticket, error) {
					calls++
					k := ticket{name: name, expires: c.Now().Add(time.Hour)}
					if tc.refreshIn != 0 {
						k.refresh = c.Now().Add(tc.refreshIn)
					}
					return k, err
				}
			}
			if _, err := share.GetToken(context.Background(), p, tokenWant("a"), issue("first", nil)); err != nil {
				t.Fatal(err)
			}
			c.Advance(tc.at)
			a, err := share.GetToken(context.Background(), p, tokenWant("a"), issue("second", tc.authority))
			if calls != tc.calls || a.Value.name != tc.value || (err != nil) != (tc.value == "") {
				t.Errorf("%d calls, got %+v, %v", calls, a, err)
			}
			if a.Shared != (tc.value == "first") {
				t.Errorf("shared: %v", a.Shared)
			}
		})
	}
}

func TestRefreshedByOneWhileOthersGoOn(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		issueToken(t, p, tokenWant("a"), time.Now().Add(time.Hour))
		time.Sleep(55 * time.Minute)
		var calls atomic.Int32
		began := time.Now()
		together(100, func(int) {
			a, err := share.GetToken(context.Background(), p, tokenWant("a"), func(context.Context) (ticket, error) {
				calls.Add(1)
				time.Sleep(time.Second)
				return ticket{name: "renewed", expires: time.Now().Add(time.Hour)}, nil
			})
			if err != nil || a.Shared != (a.Value.name == "issued") {
				t.Errorf("got %+v, %v", a, err)
			}
			if waited := time.Since(began); a.Shared && waited > 0 {
				t.Errorf("a caller with a good token waited %v", waited)
			}
		}).Wait()
		if calls.Load() != 1 {
			t.Errorf("%d refreshes", calls.Load())
		}
	})
}

func TestFailedRefreshIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	issueToken(t, p, tokenWant("a"), c.Now().Add(time.Hour))
	c.Advance(56 * time.Minute)
	calls := 0
	ask := func() {
		t.Helper()
		a, err := share.GetToken(context.Background(), p, tokenWant("a"), func(context.Context) (ticket, error) {
			calls++
			return ticket{}, fault.New(fault.Internal, "authority", "nonsense")
		})
		if err != nil || a.Value.name != "issued" {
			t.Fatalf("got %+v, %v", a, err)
		}
	}
	for range 10 {
		ask()
	}
	if calls != 1 {
		t.Errorf("%d attempts at once", calls)
	}
	c.Advance(30 * time.Second)
	ask()
	if calls != 2 {
		t.Errorf("%d attempts after half a minute", calls)
	}
	if s := p.Stats(); s.Stale != 2 {
		t.Errorf("%d stale served, want 2", s.Stale)
	}
}

// A due refresh does not make its caller wait for a paused authority.
func TestRefreshDoesNotWaitForAPause(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		issueToken(t, p, tokenWant("a"), time.Now().Add(time.Hour))
		time.Sleep(56 * time.Minute)
		_, err := share.GetToken(context.Background(), p, tokenWant("b"), func(context.Context) (ticket, error) {
			return ticket{}, &fault.Error{Kind: fault.Throttled, RetryAfter: 4 * time.Second}
		})
		expectKind(t, err, fault.Throttled)
		began := time.Now()
		a := issueToken(t, p, tokenWant("a"), time.Now().Add(time.Hour))
		if !a.Shared || time.Since(began) != 0 {
			t.Errorf("got %+v after %v", a, time.Since(began))
		}
	})
}

// A vault has refused a token that its authority thinks good: all who were refused share one new one.
func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	bubble(t, share.Config{}, func(t *testing.T, p *share.Pool) {
		old := issueToken(t, p, tokenWant("a"), time.Now().Add(time.Hour))
		time.Sleep(time.Minute)
		var calls atomic.Int32
		together(100, func(i int) {
			time.Sleep(time.Duration(i) * time.Second) // some while the new one is fetched, some long after
			p.Forget(node("a").Principal, old.AskedAt)
			w := tokenWant("a")
			w.NotBefore = old.AskedAt.Add(1)
			a, err := share.GetToken(context.Background(), p, w, func(context.Context) (ticket, error) {
				calls.Add(1)
				time.Sleep(10 * time.Second)
				return ticket{name: "new", expires: time.Now().Add(time.Hour)}, nil
			})
			if err != nil || a.Value.name != "new" {
				t.Errorf("got %+v, %v", a, err)
			}
		}).Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

func TestTokenNewerThanAskedFor(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	old := issueToken(t, p, tokenWant("a"), c.Now().Add(time.Hour))
	c.Advance(time.Second)
	w := tokenWant("a")
	w.NotBefore = old.AskedAt
	if a := issueToken(t, p, w, c.Now().Add(time.Hour)); !a.Shared {
		t.Error("the old one is as new as was asked for")
	}
	w.NotBefore = old.AskedAt.Add(1)
	if a := issueToken(t, p, w, c.Now().Add(time.Hour)); a.Shared {
		t.Error("the old one is older than was asked for")
	}
}

func TestShortLivedTokenIsRefreshedHalfWay(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	ends := c.Now().Add(6 * time.Minute)
	issueToken(t, p, tokenWant("a"), ends)
	c.Advance(3*time.Minute - 1)
	if a := issueToken(t, p, tokenWant("a"), ends); !a.Shared {
		t.Error("refreshed before half its life")
	}
	c.Advance(1)
	if a := issueToken(t, p, tokenWant("a"), ends); a.Shared {
		t.Error("not refreshed at half its life")
	}
}

// A refresh that fails after the old token, or the proof, has ended is a failure.
func TestOldTokenEndsDuringItsRefresh(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		proof, tries time.Duration
		kind         fault.Kind
	}{
		"token": {2 * time.Hour, 4 * time.Minute, fault.Unavailable},
		"proof": {57 * time.Minute, time.Minute, fault.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := newPool(share.Config{})
			w := tokenWant("a")
			w.Grant = pod(c.Now(), tc.proof)
			issueToken(t, p, w, c.Now().Add(time.Hour))
			c.Advance(56 * time.Minute)
			_, err := share.GetToken(context.Background(), p, w, func(context.Context) (ticket, error) {
				c.Advance(tc.tries)
				return ticket{}, fault.New(fault.Unavailable, "authority", "no route to host")
			})
			expectKind(t, err, tc.kind)
		})
	}
}

// A refresh whose caller went away says nothing of the authority: the next caller tries at once.
func TestRefreshLeftByItsCaller(t *testing.T) {
	t.Parallel()
	p, c := newPool(share.Config{})
	issueToken(t, p, tokenWant("a"), c.Now().Add(time.Hour))
	c.Advance(56 * time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	a, err := share.GetToken(ctx, p, tokenWant("a"), func(context.Context) (ticket, error) {
		cancel()
		return ticket{}, fault.Wrap(ctx.Err(), fault.Unavailable, "authority", "request cut short")
	})
	if err != nil || !a.Shared {
		t.Errorf("got %+v, %v", a, err)
	}
	if a := issueToken(t, p, tokenWant("a"), c.Now().Add(time.Hour)); a.Shared {
		t.Error("the next caller did not refresh")
	}
}

func TestTokenWithoutAnEndIsNotKept(t *testing.T) {
	t.Parallel()
	p, _ := newPool(share.Config{})
	for range 2 {
		if a := issueToken(t, p, tokenWant("a"), time.Time{}); a.Shared {
			t.Errorf("got %+v", a)
		}
	}
}

// A fetch may ask for its token from within, however few may be in the air.
func TestTokenFromWithinAFetch(t *testing.T) {
	bubble(t, share.Config{MaxFlights: 1, MaxPerVault: 1}, func(t *testing.T, p *share.Pool) {
		together(20, func(i int) {
			mustGet(t, p, want(node("a"), "get secret/"+string(rune('a'+i))), func(context.Context) (text, error) {
				issueToken(t, p, tokenWant("a"), time.Now().Add(time.Hour))
				return "v", nil
			})
		}).Wait()
		synctest.Wait()
		if s := p.Stats(); s.Flights != 21 {
			t.Errorf("%d flights, want 20 reads and a token", s.Flights)
		}
	})
}
