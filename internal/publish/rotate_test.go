package publish

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// timed runs a test with a publisher whose timer is running, in a bubble in which settle knows that all work is done.
func timed(t *testing.T, test func(w *world), mutate ...func(*Config)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, mutate...)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		test(w)
	})
}

// pass turns the clock and lets everything that is due be done.
func (w *world) pass(d time.Duration) {
	synctest.Wait()
	w.clock.Advance(d)
	synctest.Wait()
}

func (w *world) last() Record { return w.records[len(w.records)-1] }

// expect fails unless the provider has been asked n times by now.
func (w *world) expect(n int, when string) {
	w.t.Helper()
	synctest.Wait()
	if len(w.asked) != n {
		w.t.Fatalf("%s: the provider was asked %d times, want %d", when, len(w.asked), n)
	}
}

func tokens(end time.Time, text string) secret.Value {
	return secret.NewValue(fmt.Appendf(nil, `{"api://x":{"token":%q,"expirationTimestamp":%q}}`, text, end.UTC().Format(time.RFC3339)))
}

var outage = fault.New(fault.Unavailable, "vault", "down")

func TestTheTimerFetchesToTheMoment(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.seen["web-1"] = w.clock.Now().Add(-time.Minute)
		w.answer.Report.Age = 20 * time.Second // somebody else asked for it that long ago
		w.must(v)
		w.answer.Report.Age = 0
		w.answer.Files[0].Contents = secret.NewValue([]byte("two"))
		w.pass(100*time.Second - 1)
		w.expect(1, "a moment before the interval has passed")
		w.pass(1)
		w.expect(2, "when it has passed")
		if r := w.last(); !r.Timed || r.First || r.Skipped || !r.Change.Changed || read(w.t, v, "a") != "two" {
			w.t.Errorf("record: %+v", r)
		}
		for i := range 5 { // the period is exact: nothing drifts
			w.pass(2*time.Minute - 1)
			w.expect(2+i, "a moment before the next period")
			w.pass(1)
			w.expect(3+i, "at the next period")
		}
		if r := w.last(); r.Change.Changed || r.VersionsChanged || len(r.Versions) != 1 {
			w.t.Errorf("unchanged content: %+v", r)
		}
	})
}

func TestARepublishFindsTheTimersWorkDone(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.must(v)
		for range 10 {
			for range 15 {
				w.pass(5 * time.Second)
			}
			if r := w.must(v); !r.Skipped || r.Timed {
				w.t.Errorf("the kubelet had to wait for a fetch: %+v", r)
			}
		}
		w.expect(1+750/120, "after ten republishes")
	})
}

func TestTokensAreNotUsedPastTheirEnd(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		v.Tokens = tokens(w.clock.Now().Add(3*time.Minute), "first")
		w.must(v)
		w.pass(2 * time.Minute)
		w.expect(2, "while the tokens are good")
		w.pass(time.Minute)
		w.pass(10 * time.Minute)
		w.expect(2, "when they have ended")
		v.Tokens = tokens(w.clock.Now().Add(time.Hour), "second")
		w.must(v)
		w.expect(3, "with the kubelet's new ones")
		w.pass(2 * time.Minute)
		w.expect(4, "with the new ones, by the timer")
		if got := w.asked[3].Attributes["csi.storage.k8s.io/serviceAccount.tokens"]; !bytes.Contains([]byte(got), []byte("second")) {
			w.t.Errorf("the timer presented %s", got)
		}
	})
}

func TestTheEndOfTokens(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                               {},
		"{":                              {},
		`[]`:                             {},
		`{}`:                             {},
		`{"a":{"token":"x"}}`:            {},
		string(tokens(at, "x").Reveal()): at,
		`{"a":{"expirationTimestamp":"2031-01-01T00:00:00Z"},"b":{"expirationTimestamp":"2030-01-01T00:00:00Z"}}`: at,
		`{"a":{"expirationTimestamp":"2031-01-01T00:00:00Z"},"b":{"token":"x"}}`:                                  {},
		`{"a":{"expirationTimestamp":"soon"}}`:                                                                    {},
	} {
		if got := endOf(secret.NewValue([]byte(text))); !got.Equal(want) {
			t.Errorf("%s ends at %s, want %s", text, got, want)
		}
	}
	bad := keep(Volume{Target: "/t", Tokens: secret.NewValue([]byte("{"))})
	if bad.usable(time.Time{}) {
		t.Error("tokens whose end nobody knows are used")
	}
}

// What is kept is a copy of its own, and zeros once the volume has gone.
func TestWhatTheKubeletBroughtIsErased(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		v.Tokens = tokens(w.clock.Now().Add(time.Hour), "first")
		v.Secrets = map[string]secret.Value{"clientsecret": secret.NewValue([]byte("s3cret"))}
		brought := bytes.Clone(v.Tokens.Reveal())
		w.must(v)
		first := w.volumes[v.Target].kept
		w.must(v)
		second := w.volumes[v.Target].kept
		gone := func(k kept, when string) {
			w.t.Helper()
			for _, value := range []secret.Value{k.Tokens, k.Secrets["clientsecret"]} {
				if len(bytes.Trim(value.Reveal(), "\x00")) > 0 || value.Len() == 0 {
					w.t.Errorf("%s: something is left", when)
				}
			}
		}
		gone(first, "overtaken by a republish")
		if err := w.Unpublish(w.t.Context(), v.ID, v.Target); err != nil {
			w.t.Fatal(err)
		}
		gone(second, "unpublished")
		if !bytes.Equal(v.Tokens.Reveal(), brought) {
			w.t.Error("the kubelet's own bytes were overwritten")
		}
		w.pass(time.Hour)
		w.expect(1, "after the volume has gone")
	})
}

func TestAFailedFirstMountIsTheKubeletsToRepeat(t *testing.T) {
	timed(t, func(w *world) {
		w.err = outage
		v := w.volume()
		v.Tokens = tokens(w.clock.Now().Add(time.Hour), "first")
		_ = w.Publish(w.t.Context(), v)
		if r := w.last(); !r.First || r.Volume != v.ID || r.Target != v.Target || r.Pod != v.Pod || r.Err == nil {
			w.t.Errorf("the record does not say which volume waits: %+v", r)
		}
		if kept := w.volumes[v.Target].kept; kept.Tokens.Len() > 0 {
			w.t.Error("tokens are kept for a volume that is not there")
		}
		w.pass(time.Hour)
		w.expect(1, "without the kubelet")
		w.err = nil
		if r := w.must(v); !r.First {
			w.t.Errorf("record: %+v", r)
		}
	})
}

func TestWhatIsNotThereAnyMoreIsTheKubeletsToMount(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.must(v)
		if err := w.Volumes.Remove(v.Target); err != nil {
			w.t.Fatal(err)
		}
		w.pass(2 * time.Minute)
		w.expect(1, "at a target that is gone")
		if len(w.records) != 1 || w.volumes[v.Target].kept.target != "" {
			w.t.Errorf("told of it, or remembered it: %d records", len(w.records))
		}
		if r := w.must(v); !r.First {
			w.t.Errorf("record: %+v", r)
		}
	})
}

// hanging is a world whose one volume the timer is at work on, with a provider that does not answer.
func hanging(w *world) Volume {
	v := w.volume()
	w.must(v)
	w.hangs = true
	w.pass(2 * time.Minute)
	w.expect(2, "by the timer")
	return v
}

func TestUnpublishDoesNotWaitForAProviderThatHangs(t *testing.T) {
	timed(t, func(w *world) {
		v := hanging(w)
		if err := w.Unpublish(w.t.Context(), v.ID, v.Target); err != nil {
			w.t.Fatal(err)
		}
		if len(w.volumes) != 0 || len(w.records) != 1 {
			w.t.Errorf("%d volumes, %d records: work that made way is no failure", len(w.volumes), len(w.records))
		}
	})
}

// A kubelet's call has a door that survives a defect; the timer has none but itself.
func TestADefectCostsOneVolumeATry(t *testing.T) {
	timed(t, func(w *world) {
		w.must(w.volume())
		w.meanwhile = func() { panic("a value that nobody may see") }
		w.pass(2 * time.Minute)
		if r := w.last(); fault.KindOf(r.Err) != fault.Internal || !strings.Contains(r.Err.Error(), "string at rotate_test.go:") || strings.Contains(r.Err.Error(), "nobody") {
			w.t.Fatalf("record: %+v", r)
		}
		w.pass(firstWait)
		if r := w.last(); !r.Recovered {
			w.t.Errorf("record: %+v", r)
		}
	})
}

func TestUnpublishGivesUpWithItsCaller(t *testing.T) {
	timed(t, func(w *world) {
		v := hanging(w)
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		if err := w.Unpublish(ctx, v.ID, v.Target); err != nil && fault.KindOf(err) != fault.Busy {
			w.t.Errorf("got %v", err)
		}
	})
}

func TestARepublishDoesNotWaitForTheTimer(t *testing.T) {
	timed(t, func(w *world) {
		v := hanging(w)
		v.Tokens = tokens(w.clock.Now().Add(time.Hour), "handed")
		if err := w.Publish(w.t.Context(), v); err != nil {
			w.t.Fatal(err)
		}
		w.expect(2, "at the republish")
		other := v
		other.Pod.UID = "another"
		if err := w.Publish(w.t.Context(), other); fault.KindOf(err) != fault.Busy {
			w.t.Errorf("another pod: %v", err)
		}
		w.hangs = false
		time.Sleep(timedPatience) // of the bubble: the timer's patience ends
		synctest.Wait()
		if r := w.last(); !r.Timed || fault.KindOf(r.Err) != fault.Unavailable {
			w.t.Fatalf("a provider that does not answer is a failure: %+v", r)
		}
		w.pass(firstWait)
		w.expect(3, "after the first wait")
		if got := w.asked[2].Attributes["csi.storage.k8s.io/serviceAccount.tokens"]; !bytes.Contains([]byte(got), []byte("handed")) {
			w.t.Errorf("the timer went on with %q", got)
		}
	})
}

func TestTheKubeletIsNotToldOfContentThatIsNotThere(t *testing.T) {
	timed(t, func(w *world) {
		v := hanging(w)
		if err := w.Volumes.Remove(v.Target); err != nil {
			w.t.Fatal(err)
		}
		if err := w.Publish(w.t.Context(), v); fault.KindOf(err) != fault.Busy {
			w.t.Errorf("got %v", err)
		}
	})
}

func TestWhatTheKubeletHasInWorkWaitsItsTurn(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		w.must(v)
		claimed, err := w.claim(v.Target)
		if err != nil {
			w.t.Fatal(err)
		}
		w.pass(3 * time.Minute)
		w.expect(1, "while it is in work")
		w.release(claimed)
		w.expect(2, "when it is free")
	})
}

func TestTheTimersWorkIsBounded(t *testing.T) {
	timed(t, func(w *world) {
		for range 3 * timedAtOnce {
			w.must(w.volume())
		}
		w.hangs = true
		w.pass(2 * time.Minute)
		w.expect(3*timedAtOnce+timedAtOnce, "with a provider that hangs")
		// One more is claimed and waits; the rest is free for the kubelet.
		busy := 0
		for _, t := range w.volumes {
			if t.busy {
				busy++
			}
		}
		if busy != timedAtOnce+1 {
			w.t.Errorf("%d volumes are in work", busy)
		}
	})
}

func TestRotationThatIsOffTimesNothing(t *testing.T) {
	for name, interval := range map[string]time.Duration{"off": Never, "each republish": 0} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(w *world) {
				v := w.volume()
				w.must(v)
				w.pass(1000 * time.Hour)
				w.expect(1, "by the timer")
				w.Refresh("shop", "web")
				w.expect(2, "asked for")
				w.pass(time.Hour)
				w.expect(2, "afterwards")
				w.class.Spec.Parameters = map[string]string{"keyvaultName": "other"}
				w.ClassChanged("shop", "web")
				w.expect(3, "with an edited class")
			}, func(c *Config) { c.Interval = interval })
		})
	}
}

// What an earlier process mounted, Strongroom or the driver it replaces, is unknown until the kubelet's next republish,
// and like any other volume from then on.
func TestVolumesOfAnEarlierProcessAreTimedOnceTheKubeletComesBy(t *testing.T) {
	timed(t, func(w *world) {
		v := w.volume()
		const data = "..2026_05_06_07_08_09.3141592653"
		plant := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		plant(os.MkdirAll(filepath.Join(v.Target, data), 0o755))
		plant(os.Chmod(v.Target, 0o777|os.ModeSticky))
		plant(os.WriteFile(filepath.Join(v.Target, data, "a"), []byte("left"), 0o644))
		plant(os.Symlink(data, filepath.Join(v.Target, "..data")))
		plant(os.Symlink("..2026_05_06_07_08_10.2718281828", filepath.Join(v.Target, "..data_tmp")))
		plant(os.Symlink("..data/a", filepath.Join(v.Target, "a")))
		w.pass(time.Hour)
		w.expect(0, "before the kubelet came by")
		w.err = outage
		if r := w.must(v); r.First || r.Err == nil || read(t, v, "a") != "left" {
			t.Fatalf("record: %+v", r)
		}
		w.err = nil
		w.pass(firstWait)
		if r := w.last(); !r.Timed || !r.Recovered || read(t, v, "a") != "one" {
			t.Errorf("record: %+v", r)
		}
		w.answer.Files[0].Contents = secret.NewValue([]byte("two"))
		w.pass(2 * time.Minute)
		if r := w.last(); !r.Timed || read(t, v, "a") != "two" {
			t.Errorf("record: %+v", r)
		}
		if err := w.Unpublish(w.t.Context(), v.ID, v.Target); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(v.Target); !os.IsNotExist(err) {
			t.Errorf("left behind: %v", err)
		}
	})
}

// idle is a node full of volumes none of which is due, and what the timer does when it is woken for nothing.
func idle(fail func(args ...any)) (look func()) {
	p := New(Config{Interval: 2 * time.Minute})
	now := time.Now()
	for i := range 200 {
		target := fmt.Sprint("/", i)
		p.volumes[target] = &tracked{target: target, due: now.Add(time.Minute + time.Duration(i)), kept: kept{target: target}}
	}
	return func() {
		if t, wait := p.next(context.Background(), now); t != nil || wait != time.Minute {
			fail(wait)
		}
	}
}

func BenchmarkIdle(b *testing.B) {
	look := idle(b.Fatal)
	b.ReportAllocs()
	for b.Loop() {
		look()
	}
}

func TestLookingForNothingCostsNoMemory(t *testing.T) {
	if n := testing.AllocsPerRun(100, idle(t.Fatal)); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
