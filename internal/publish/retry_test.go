package publish

import (
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

func TestAFailureIsTriedAgainWithLongerAndLongerWaits(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		err   error
		waits []time.Duration
	}{
		"what passes by itself":     {outage, []time.Duration{5 * s, 10 * s, 15 * s, 15 * s}},
		"what somebody must mend":   {fault.New(fault.Denied, "secret/a", "no"), []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 80 * s, 120 * s, 120 * s}},
		"what a vault asks for":     {&fault.Error{Kind: fault.Throttled, RetryAfter: 90 * s}, []time.Duration{90 * s, 90 * s}},
		"more than anybody can ask": {&fault.Error{Kind: fault.Throttled, RetryAfter: 1000 * time.Hour}, []time.Duration{time.Hour}},
		"less than we wait anyway":  {&fault.Error{Kind: fault.Throttled, RetryAfter: time.Millisecond}, []time.Duration{5 * s, 10 * s}},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(w *world) {
				v := w.volume()
				w.must(v)
				w.err = test.err
				w.pass(2 * time.Minute)
				for i, wait := range test.waits {
					w.expect(2+i, "before the next try")
					w.pass(wait - 1)
					w.must(v) // a kubelet that comes by meanwhile must not ask either
					w.expect(2+i, "while waiting "+wait.String())
					if r := w.last(); !r.Skipped || r.Err != nil || r.Failing.IsZero() || r.Recovered {
						t.Errorf("waiting was told as %+v", r)
					}
					w.pass(1)
				}
				w.err = nil
				w.pass(time.Hour)
				if r := w.last(); !r.Recovered || !r.Failing.IsZero() {
					t.Errorf("not recovered: %+v", r)
				}
			})
		})
	}
}

// The last known good is a success of the provider's, and no reason to wait for another interval, nor to ask at once.
func TestTheLastKnownGoodIsTriedAgainSoon(t *testing.T) {
	for name, report := range map[string]provider.Report{
		"an object says so":             {Age: time.Minute, Objects: []provider.Outcome{{State: provider.Stale}}},
		"only the age is left to tell":  {Age: 3 * time.Minute},
		"the age is hours, as it grows": {Age: 10 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(w *world) {
				v := w.volume()
				w.must(v)
				w.answer.Report = report
				w.pass(2 * time.Minute)
				w.expect(2, "when due")
				w.pass(firstWait - 1)
				w.must(v)
				w.expect(2, "before the first wait is over")
				w.answer.Report = provider.Report{}
				w.pass(1)
				w.expect(3, "after the first wait")
				w.pass(2*time.Minute - 1)
				w.expect(3, "when all is well again")
			})
		})
	}
}

func TestWhatIsSharedWithinItsAgeIsNoReasonToHurry(t *testing.T) {
	timed(t, func(w *world) {
		w.must(w.volume())
		w.answer.Report.Age = 110 * time.Second
		w.pass(2 * time.Minute)
		w.expect(2, "when due")
		w.pass(10*time.Second - 1)
		w.expect(2, "before the shared answer's age is reached")
		w.pass(1)
		w.expect(3, "when it is")
		if allowed := w.clock.Now().Sub(w.asked[2].Freshness.NotBefore); allowed != 2*time.Minute-longestLead {
			t.Errorf("an answer of %s age would do", allowed)
		}
	})
}

func TestNewTokensEndAWaitForOldOnes(t *testing.T) {
	for name, test := range map[string]struct {
		kind fault.Kind
		asks bool
	}{
		"after they had ended":      {fault.Expired, true},
		"not after a refusal":       {fault.Denied, false},
		"nor after anything passed": {fault.Unavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(w *world) {
				v := w.volume()
				v.Tokens = tokens(w.clock.Now().Add(time.Hour), "first")
				w.must(v)
				w.err = fault.New(test.kind, "token", "no")
				w.pass(2 * time.Minute)
				w.must(v)
				w.expect(2, "with the same tokens")
				v.Tokens = tokens(w.clock.Now().Add(time.Hour), "second")
				w.must(v)
				if asks := len(w.asked) == 3; asks != test.asks {
					t.Errorf("asked again: %v", asks)
				}
			})
		})
	}
}

func TestNewTokensThatCameDuringAFailureAreTriedAtOnce(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		v.Tokens = tokens(w.clock.Now().Add(time.Hour), "first")
		w.must(v)
		w.answer, w.err = provider.Response{}, fault.New(fault.Expired, "token", "it has ended")
		w.meanwhile = func() {
			v.Tokens = tokens(w.clock.Now().Add(time.Hour), "second")
			if err := w.Publish(w.t.Context(), v); err != nil {
				t.Error(err)
			}
		}
		w.pass(2 * time.Minute)
		w.expect(3, "with the tokens that came meanwhile")
	})
}

func TestAMendedSecretEndsTheWaitForARefusal(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		v.Secrets = map[string]secret.Value{"clientsecret": secret.NewValue([]byte("old"))}
		w.must(v)
		w.err = fault.New(fault.Denied, "token", "no")
		w.pass(2 * time.Minute)
		w.must(v)
		w.expect(2, "with the same secret")
		v.Secrets = map[string]secret.Value{"clientsecret": secret.NewValue([]byte("new"))}
		w.must(v)
		w.expect(3, "with another")
	})
}

// A wait is for what was tried: a class edited meanwhile has not been tried.
func TestAnEditEndsAWait(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.must(v)
		w.err = fault.New(fault.Denied, "secret/a", "no")
		w.pass(2 * time.Minute)
		w.expect(2, "when due")
		w.class.Spec.Parameters = map[string]string{"keyvaultName": "mended"}
		w.ClassChanged("shop", "web")
		w.expect(3, "once the class was edited")
		w.ClassChanged("shop", "web")
		w.must(v)
		w.expect(3, "with the edit tried and failed")
		w.Refresh("shop", "web")
		w.expect(4, "once somebody asks for it")
		w.Refresh("shop", "elsewhere")
		w.must(v)
		w.expect(4, "with the refresh tried and failed")
		w.pass(firstWait * 8)
		w.expect(5, "when its wait is over")
	})
}

// A class that is gone costs the provider nothing, and is looked at by whoever comes by.
func TestAMissingClassHoldsNothingBack(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.must(v)
		parameters := w.class.Spec.Parameters
		w.class.Spec.Parameters = nil
		w.ClassChanged("shop", "web")
		w.pass(0)
		if r := w.last(); !r.Timed || r.Err == nil || r.Stage != FindingClass || r.Failing.IsZero() {
			t.Fatalf("record: %+v", r)
		}
		told := len(w.records)
		w.pass(firstWait)
		if len(w.records) != told+1 {
			t.Errorf("the class was not looked for again: %d records", len(w.records)-told)
		}
		w.class.Spec.Parameters = parameters
		if r := w.must(v); !r.Recovered || !r.Skipped {
			t.Errorf("record: %+v", r)
		}
		w.expect(1, "all the while")
		w.pass(2 * time.Minute)
		w.expect(2, "when due")
	})
}
