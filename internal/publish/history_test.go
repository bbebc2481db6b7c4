package publish

import (
	"os"
	"testing"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

func TestAClassThatIsBackIsARecoveryThoughNothingIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	gone := v
	gone.Class = "deleted"
	if r := w.must(gone); r.Err == nil || r.Failing.IsZero() || len(r.Versions) != 1 {
		t.Fatalf("record: %+v", r)
	}
	if r := w.must(v); !r.Skipped || !r.Recovered || !r.Failing.IsZero() {
		t.Errorf("still failing, with nothing amiss: %+v", r)
	}
	if r := w.must(v); r.Recovered {
		t.Error("recovered twice")
	}
}

// A mount that was lost took its content along: the provider must not be told that the volume still has it.
func TestAFirstMountHoldsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	w.clock.Advance(3 * time.Minute)
	w.must(v)
	if current := w.asked[1].Current; len(current) != 1 || current[0].Version != "1" {
		t.Errorf("a republish holds %v", current)
	}
	if err := os.RemoveAll(v.Target); err != nil {
		t.Fatal(err)
	}
	w.must(v)
	if current := w.asked[2].Current; current != nil {
		t.Errorf("a first mount holds %v", current)
	}
}

func TestAnotherPodAtTheSameTargetStartsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	v.Pod = secret.Pod{Namespace: "shop", Name: "web-2", UID: "other", ServiceAccount: "admin"}
	w.clock.Advance(time.Second)
	if r := w.must(v); r.Skipped || len(w.asked) != 2 || w.asked[1].Current != nil {
		t.Errorf("what was fetched for one pod was taken for another's: %+v", r)
	}
}

// A fetch that fails leaves a mounted volume its files, but never another pod's.
func TestAnotherPodAtTheSameTargetNeverFindsTheFirstOnesFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	v.Pod.UID, v.Pod.ServiceAccount = "other", "thief"
	w.err = fault.New(fault.Denied, "vault", "not for you")
	for range 2 {
		if err := w.Publish(t.Context(), v); fault.KindOf(err) != fault.Denied {
			t.Errorf("it was answered %v", err)
		}
		if state, err := w.Volumes.Inspect(v.Target); err != nil || state.Complete {
			t.Errorf("the first one's files stand: %+v, %v", state, err)
		}
	}
}

// What an earlier process fetched is as old as this process knows it at the least; 0 would say that it is new.
func TestContentOfAnEarlierProcessHasAnAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.volume()
	w.must(v)
	w.Publisher = New(w.Config)
	w.err = fault.New(fault.Unavailable, "vault", "down")
	if r := w.must(v); r.Versions != nil {
		t.Errorf("nothing was fetched, and yet it is known to be %v", r.Versions)
	}
	w.clock.Advance(time.Minute)
	if r := w.must(v); r.First || r.Err == nil || r.Age != time.Minute {
		t.Errorf("record: %+v", r)
	}
}

func TestAgesAreNeverNegative(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.slow = time.Second
	if r := w.must(w.volume()); r.Age != 0 {
		t.Errorf("age %s", r.Age)
	}
}

// A pod that is deleted before its first mount succeeded is never unpublished.
func TestVolumesThatWereGivenUpAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mounted, other := w.volume(), w.volume()
	w.must(mounted)
	w.err = fault.New(fault.Denied, "secret/a", "no")
	for range 20 {
		_ = w.Publish(t.Context(), w.volume())
	}
	w.err = nil
	w.clock.Advance(abandoned)
	w.must(other)
	if len(w.volumes) != 22 {
		t.Errorf("%d volumes are remembered, want 22: a kubelet may still try again", len(w.volumes))
	}
	w.clock.Advance(abandoned + 1)
	w.must(other)
	if len(w.forgotten) != 20 {
		t.Errorf("%d were told to be forgotten, want 20", len(w.forgotten))
	}
	if len(w.volumes) != 2 || w.volumes[mounted.Target] == nil {
		t.Errorf("%d volumes are remembered, want the 2 that stand", len(w.volumes))
	}
	if r := w.must(mounted); r.First {
		t.Errorf("a volume nobody asked for in a while was taken for a new one: %+v", r)
	}
}
