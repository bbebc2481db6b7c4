package store

import (
	"slices"
	"testing"
	"time"
)

// TestLife walks an item through deletion, recovery, and the end of its retention.
func TestLife(t *testing.T) {
	t.Parallel()
	start := time.Unix(1e9, 0)
	terms := Terms{Settling: 5 * time.Second, Retention: time.Hour}
	var s Shelf
	item := s.Add("Name", &Version{ID: "1"})
	state := func(at time.Duration) State {
		_, state := s.Look("NAME", start.Add(at))
		return state
	}
	expect := func(at time.Duration, want State) {
		t.Helper()
		if got := state(at); got != want {
			t.Errorf("after %v: %v, want %v", at, got, want)
		}
	}
	expect(0, Live)
	item.Delete(terms, start)
	expect(4*time.Second, Deleting)
	expect(5*time.Second, Deleted)
	item.Restore(terms, start.Add(10*time.Second))
	expect(14*time.Second, Recovering)
	expect(15*time.Second, Live)
	item.Delete(terms, start)
	expect(time.Hour-1, Deleted)
	expect(time.Hour, Missing)
	expect(0, Missing) // for good
}

// TestLatest skips what is pending, unless there is nothing else.
func TestLatest(t *testing.T) {
	t.Parallel()
	one, two := &Version{ID: "1"}, &Version{ID: "2", Pending: true}
	item := Item{Versions: []*Version{one, two}}
	if item.Latest() != one || item.Version("") != one || item.Version("2") != two || item.Version("3") != nil {
		t.Error("the latest is not the last that is done")
	}
	if item.Previous(two) != one || item.Previous(one) != nil {
		t.Error("what went before is wrong")
	}
	item.Drop("1")
	if item.Latest() != two {
		t.Error("a pending version alone is the latest")
	}
	if (&Item{}).Latest() != nil {
		t.Error("an empty item has a latest version")
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	rows := []Row[int]{{"a", 1}, {"b", 2}, {"c", 3}}
	for _, tc := range []struct {
		after string
		n     int
		page  []int
		next  string
	}{
		{"", 2, []int{1, 2}, "b"}, {"b", 2, []int{3}, ""}, {"", 3, []int{1, 2, 3}, ""},
		{"aa", 1, []int{2}, "b"}, {"c", 2, []int{}, ""}, {"zz", 2, []int{}, ""},
	} {
		page, next := Page(rows, tc.after, tc.n)
		if !slices.Equal(page, tc.page) || next != tc.next {
			t.Errorf("after %q: %v %q, want %v %q", tc.after, page, next, tc.page, tc.next)
		}
	}
}

// TestRipe is when an issuer is done: never for one outside, nor once cancelling was asked for.
func TestRipe(t *testing.T) {
	t.Parallel()
	due := time.Unix(1e9, 0)
	for name, tc := range map[string]struct {
		r    *Request
		at   time.Time
		want bool
	}{
		"none":       {nil, due, false},
		"early":      {&Request{Status: InProgress, Due: due}, due.Add(-1), false},
		"due":        {&Request{Status: InProgress, Due: due}, due, true},
		"outside":    {&Request{Status: InProgress, Due: due, Issuer: "Unknown"}, due, false},
		"cancelling": {&Request{Status: InProgress, Due: due, Cancelling: true}, due, false},
		"done":       {&Request{Status: Completed, Due: due}, due, false},
	} {
		if got := tc.r.Ripe(tc.at); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
