package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

func set(key, value string) func(*secretsstore.Spec) {
	return func(s *secretsstore.Spec) { s.Parameters[key] = value }
}

func unchanged(*secretsstore.Spec) {}

func TestEveryTransitionIsAConditionAndAnEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		start := r.clock.Now()

		r.edit("shop", "web", unchanged)
		synctest.Wait()
		want := secretsstore.Condition{
			Type: "Accepted", Status: "True", Reason: "Accepted", Message: "nothing is wrong with it",
			ObservedGeneration: 1, LastTransitionTime: start,
		}
		if diff := cmp.Diff(want, r.condition("shop", "web")); diff != "" {
			t.Error(diff)
		}

		r.advance(time.Hour)
		r.edit("shop", "web", set("notes", "harmless"))
		synctest.Wait()
		want.Message, want.ObservedGeneration = "nothing is wrong with it; harmless", 2
		if diff := cmp.Diff(want, r.condition("shop", "web")); diff != "" {
			t.Error("a note is no transition:", diff)
		}

		r.edit("shop", "web", set("bad", "x y"))
		synctest.Wait()
		want = secretsstore.Condition{
			Type: "Accepted", Status: "False", Reason: "Invalid", Message: "2 problems; parameter x: is bad; parameter y: is bad",
			ObservedGeneration: 3, LastTransitionTime: start.Add(time.Hour),
		}
		if diff := cmp.Diff(want, r.condition("shop", "web")); diff != "" {
			t.Error(diff)
		}

		r.advance(time.Hour)
		r.edit("shop", "web", set("bad", "x"))
		synctest.Wait()
		want.Message, want.ObservedGeneration = "parameter x: is bad; to mend: make it good", 4
		if diff := cmp.Diff(want, r.condition("shop", "web")); diff != "" {
			t.Error("still wrong is no transition:", diff)
		}

		r.edit("shop", "web", set("bad", ""))
		synctest.Wait()
		writes, events := r.drain()
		if len(writes) != 5 {
			t.Errorf("%d writes for 5 edits", len(writes))
		}
		wantEvents := []string{
			"shop/web warning=false Accepted: nothing is wrong with it",
			"shop/web warning=true Rejected: 2 problems; parameter x: is bad; parameter y: is bad",
			"shop/web warning=false Accepted: nothing is wrong with it; harmless",
		}
		if diff := cmp.Diff(wantEvents, events); diff != "" {
			t.Error(diff)
		}
	})
}

func TestASuccessorWritesNothingWhereNothingChanged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, time := newCluster(), clock.NewFake()
		for n := range 1000 {
			c.edit("ns", fmt.Sprint("class-", n), func(s *secretsstore.Spec) {
				switch n % 4 {
				case 1:
					s.Parameters["bad"] = "x"
				case 2:
					s.SecretObjects = []secretsstore.SecretObject{opaque("shared-by-many", "a")}
				case 3:
					s.Provider = "vault"
				}
			})
		}
		first := lead(t, c, time)
		for range 100 {
			first.advance(1e9) // by the pace
		}
		first.stop()
		writes, events := c.drain()
		if len(writes) != 750 || len(events) != 750 {
			t.Fatalf("%d writes and %d events for 750 classes", len(writes), len(events))
		}
		second := lead(t, c, time)
		second.advance(1e9)
		defer second.stop()
		if writes, events := c.drain(); len(writes)+len(events) != 0 {
			t.Errorf("%d writes and %d events by the successor", len(writes), len(events))
		}
		c.edit("ns", "class-0", set("bad", "x"))
		synctest.Wait()
		if writes, _ := c.drain(); !slices.Equal(writes, []string{"ns/class-0"}) {
			t.Errorf("writes %v for one edit", writes)
		}
	})
}

func TestThePaceIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newCluster()
		for n := range 200 {
			c.edit("ns", fmt.Sprint("class-", n), unchanged)
		}
		r := lead(t, c, clock.NewFake())
		defer r.stop()
		if writes, _ := r.drain(); len(writes) != 100 {
			t.Errorf("%d writes at once", len(writes))
		}
		for range 20 {
			r.advance(50 * time.Millisecond)
		}
		if writes, _ := r.drain(); len(writes) != 20 {
			t.Errorf("%d writes in a second", len(writes))
		}
	})
}

func TestOnlyFourAreWrittenAtATimeAndLosingTheLeadStopsThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newCluster()
		c.writing = make(chan struct{})
		for n := range 20 {
			c.edit("ns", fmt.Sprint("class-", n), unchanged)
		}
		r := lead(t, c, clock.NewFake())
		if c.most != 4 {
			t.Errorf("%d at a time", c.most)
		}
		c.writing <- struct{}{}
		synctest.Wait()
		r.stop()
		if writes, _ := r.drain(); len(writes) != 1 || c.most != 4 || c.atWork != 0 {
			t.Errorf("%v written, %d at a time, %d still at work", writes, c.most, c.atWork)
		}
		if strings.Contains(r.log.String(), "not written") {
			t.Errorf("an interruption is told as a failure: %s", r.log)
		}
	})
}

func TestNothingIsJudgedBeforeEveryClassIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newCluster()
		c.synced = false
		r := lead(t, c, clock.NewFake())
		defer r.stop()
		c.edit("ns", "one", unchanged)
		c.edit("ns", "gone", unchanged)
		c.remove("ns", "gone")
		r.advance(time.Second)
		if writes, _ := r.drain(); len(writes) != 0 {
			t.Errorf("wrote %v", writes)
		}
		c.mu.Lock()
		c.synced = true
		c.mu.Unlock()
		r.advance(time.Second)
		if writes, _ := r.drain(); !slices.Equal(writes, []string{"ns/one"}) {
			t.Errorf("wrote %v", writes)
		}
	})
}

func TestAFailedWriteIsTriedAgainMoreAndMoreRarely(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.refuse = func(string) error { return fault.Wrap(errRefused, fault.Denied, "", "may not") }
		r.edit("ns", "one", unchanged)
		synctest.Wait()
		var waits []time.Duration
		last := r.clock.Now()
		r.drain()
		for len(waits) < 11 {
			r.advance(time.Second)
			if writes, _ := r.drain(); len(writes) > 0 {
				waits, last = append(waits, r.clock.Now().Sub(last)), r.clock.Now()
			}
		}
		var want []time.Duration
		for _, s := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			want = append(want, time.Duration(s)*time.Second)
		}
		if diff := cmp.Diff(want, waits); diff != "" {
			t.Error(diff)
		}
		if n := strings.Count(r.log.String(), "not written"); n != 1 || !strings.Contains(r.log.String(), "may not") {
			t.Errorf("told %d times: %s", n, r.log)
		}

		// An edit does not wait for the next try, and a server's own wish is heeded.
		r.refuse = func(string) error {
			return &fault.Error{Kind: fault.Throttled, Message: "wait", RetryAfter: time.Hour}
		}
		r.edit("ns", "one", set("bad", "x"))
		synctest.Wait()
		if writes, events := r.drain(); len(writes) != 1 || len(events) != 0 {
			t.Errorf("writes %v, events %v", writes, events)
		}
		r.refuse = nil
		r.advance(59 * time.Minute)
		if writes, _ := r.drain(); len(writes) != 0 {
			t.Error("did not wait")
		}
		r.advance(time.Minute)
		if writes, events := r.drain(); len(writes) != 1 || len(events) != 1 {
			t.Errorf("writes %v, events %v", writes, events)
		}
	})
}

func TestAWatchThatLagsCausesNoSecondWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.edit("ns", "one", func(s *secretsstore.Spec) { s.SecretObjects = []secretsstore.SecretObject{opaque("s", "a")} })
		synctest.Wait()
		r.drain()

		// Twice over, another class takes and leaves the Secret while nothing of it is shown.
		r.mu.Lock()
		r.lag = true
		watcher := r.watcher
		r.mu.Unlock()
		rival := secretsstore.Class{Metadata: secretsstore.Meta{Namespace: "ns", Name: "two"}, Spec: good()}
		rival.Spec.SecretObjects = []secretsstore.SecretObject{opaque("s", "a")}
		r.mu.Lock()
		r.classes["ns/two"] = rival
		r.mu.Unlock()
		for range 2 {
			watcher.Changed("ns", "two", &rival)
			synctest.Wait()
			watcher.Changed("ns", "two", nil)
			synctest.Wait()
		}
		writes, _ := r.drain()
		slices.Sort(writes)
		if !slices.Equal(writes, []string{"ns/one", "ns/one", "ns/one", "ns/one", "ns/two", "ns/two"}) {
			t.Errorf("wrote %v", writes)
		}
		r.mu.Lock()
		r.late = slices.DeleteFunc(r.late, func(one shown) bool { return one.name == "two" })
		r.mu.Unlock()
		r.catchUp()
		synctest.Wait()
		if writes, _ := r.drain(); len(writes) != 0 {
			t.Errorf("wrote %v when the watch caught up", writes)
		}
		if c := r.condition("ns", "one"); c.Status != "True" {
			t.Errorf("%+v", c)
		}
	})
}

func TestWhatSomebodyElseWroteIsMended(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.edit("ns", "one", unchanged)
		synctest.Wait()
		r.mu.Lock()
		class := r.classes["ns/one"]
		class.Status = secretsstore.ClassStatus{}
		r.putLocked(class)
		r.mu.Unlock()
		synctest.Wait()
		if c := r.condition("ns", "one"); c.Status != "True" {
			t.Errorf("%+v", c)
		}
	})
}

func TestAClassOfTheSameNameIsAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.edit("ns", "one", unchanged)
		synctest.Wait()
		r.remove("ns", "one")
		r.edit("ns", "one", unchanged)
		synctest.Wait()
		if writes, events := r.drain(); len(writes) != 2 || len(events) != 2 {
			t.Errorf("writes %v, events %v", writes, events)
		}
		r.remove("ns", "one")
		synctest.Wait()
		r.advance(time.Hour)
		if writes, _ := r.drain(); len(writes) != 0 {
			t.Errorf("wrote %v for a class that is gone", writes)
		}
	})
}

func TestAClassThatGoesWhileItIsWrittenIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.writing = make(chan struct{})
		r.edit("ns", "one", unchanged)
		synctest.Wait()
		r.remove("ns", "one")
		r.writing <- struct{}{}
		synctest.Wait()
		r.advance(time.Hour)
		if writes, _ := r.drain(); len(writes) != 1 {
			t.Errorf("wrote %v", writes)
		}
	})
}

// A definition that others installed may have no status subresource, and then the server knows no status of a class that
// is there.
func TestAStatusThatIsMissingIsToldWithItsRemedy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.refuse = func(name string) error { return fault.New(fault.NotFound, "", "%q not found", name) }
		r.edit("ns", "one", unchanged)
		synctest.Wait()
		if r.log.Len() != 0 {
			t.Errorf("told at once, though it may just have been deleted: %s", r.log)
		}
		r.advance(time.Second)
		if !strings.Contains(r.log.String(), "to mend: strongroom crds --apply") {
			t.Errorf("told %s", r.log)
		}
		r.drain()
		r.remove("ns", "one")
		r.advance(time.Hour)
		if writes, _ := r.drain(); len(writes) != 0 {
			t.Errorf("wrote %v", writes)
		}
	})
}
