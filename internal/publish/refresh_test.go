package publish

import (
	"testing"
	"time"

	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

func TestARefreshTakesNothingOlderThanItself(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.must(v)
		w.pass(10 * time.Second)
		at := w.clock.Now()
		w.RefreshPod("u")
		w.expect(2, "asked for")
		if got := w.asked[1].Freshness.NotBefore; !got.Equal(at) {
			t.Errorf("what was asked for %s before the request would do", at.Sub(got))
		}
		w.pass(2*time.Minute - 1)
		w.expect(2, "before its interval has passed")
		w.pass(1)
		w.expect(3, "when it has")
	})
}

func TestARefreshConcernsOnlyItsOwn(t *testing.T) {
	timed(t, func(w *world) {
		w.must(w.volume())
		w.Refresh("shop", "other")
		w.Refresh("bank", "web")
		w.RefreshPod("other")
		w.ClassChanged("bank", "web")
		w.pass(0)
		if len(w.records) != 1 {
			t.Errorf("%d records", len(w.records))
		}
	})
}

// A request must outlast the failure of what it asked for, and an answer that is not what it asked for.
func TestARefreshIsTriedUntilItSucceeds(t *testing.T) {
	timed(t, func(w *world) {
		w.must(w.volume())
		w.pass(10 * time.Second)
		at := w.clock.Now()
		w.err = outage
		w.Refresh("shop", "web")
		w.expect(2, "asked for")
		w.err = nil
		w.answer.Report = provider.Report{Age: 15 * time.Second, Objects: []provider.Outcome{{State: provider.Stale}}}
		w.pass(firstWait)
		w.expect(3, "tried again")
		w.answer.Report = provider.Report{}
		w.pass(2 * firstWait)
		w.expect(4, "tried once more, since the last known good is older")
		if got := w.asked[3].Freshness.NotBefore; !got.Equal(at) {
			t.Errorf("asked for what is as new as %s, want %s", got, at)
		}
		w.pass(time.Minute)
		w.expect(4, "afterwards")
	}, func(c *Config) { c.Interval = Never })
}

func TestARefreshDuringAFetchIsNotLost(t *testing.T) {
	timed(t, func(w *world) {
		w.meanwhile = func() { w.Refresh("shop", "web") }
		w.must(w.volume())
		w.pass(2 * time.Minute) // of the first mount nobody knew yet
		n := len(w.asked)
		w.meanwhile = func() { w.clock.Advance(time.Second); w.Refresh("shop", "web") }
		w.pass(2 * time.Minute)
		w.expect(n+2, "with a refresh in the middle of it")
	})
}

func TestARefreshWaitsForTokens(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		v.Tokens = tokens(w.clock.Now().Add(time.Minute), "first")
		w.must(v)
		w.pass(time.Minute)
		at := w.clock.Now()
		w.Refresh("shop", "web")
		w.expect(1, "without tokens")
		w.clock.Advance(10 * time.Second)
		v.Tokens = tokens(w.clock.Now().Add(time.Hour), "second")
		w.must(v)
		w.expect(2, "with the kubelet's")
		if got := w.asked[1].Freshness.NotBefore; !got.Equal(at) {
			t.Errorf("what was asked for %s before the request would do", at.Sub(got))
		}
		w.pass(time.Minute)
		w.expect(2, "once it is done")
	})
}

func TestAnEditedClassDoesNotWaitForAnybody(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.must(v)
		w.ClassChanged("shop", "web")
		w.expect(1, "with an edit that changes nothing here")
		w.class.Spec.Parameters = map[string]string{"keyvaultName": "other"}
		w.answer.Files = []secret.File{{Path: "b", Mode: 0o644, Contents: secret.NewValue([]byte("other"))}}
		w.ClassChanged("shop", "web")
		w.expect(2, "with one that does")
		if read(t, v, "b") != "other" {
			t.Error("the edit did not arrive")
		}
	})
}
