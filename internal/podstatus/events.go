package podstatus

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/volume"
)

// Reasons of events on pods.
const (
	// ReasonRotated tells which files changed.
	ReasonRotated = "MountRotationComplete"
	// ReasonFailed tells that the content could not be refreshed, and that the files stay.
	ReasonFailed = "MountRotationFailed"
	// ReasonStale tells that the content is the last known good.
	ReasonStale = "MountContentStale"
	// ReasonRecovered tells that one of the two is over.
	ReasonRecovered = "MountRotationRecovered"
)

// maxTold bounds how much of an error an event tells, whose message may have 1024 bytes.
const maxTold = 560

// event is one event to tell.
type event struct {
	about   About
	warning bool
	reason  string
	message string
}

// news is what is to be told of a use, and takes it as told.
func (u *use) news(now time.Time) (list []event) {
	say := func(warning bool, reason, format string, args ...any) {
		about := About{APIVersion: "v1", Kind: "Pod", Namespace: u.pod.Namespace, Name: u.pod.Name, UID: u.pod.UID}
		list = append(list, event{about, warning, reason, "class " + u.class + ": " + fmt.Sprintf(format, args...)})
	}
	if f := u.finding(); u.isNews(f, now) {
		u.told = f.reason
		switch f.standing {
		case publish.Unrefreshed:
			say(true, ReasonFailed, "the content could not be refreshed since %s, and the files stay as they are: %s", stamp(f.since), fault.Bound(f.message, maxTold))
		case publish.Stale:
			say(true, ReasonStale, "%s, %s ago", f.message, now.Sub(f.asked).Round(time.Second))
		default:
			say(false, ReasonRecovered, "the store gives the content again, and the files are up to date")
		}
	}
	if !u.rotated.empty() {
		say(false, ReasonRotated, "the files were rotated: %s", u.rotated)
		u.rotated = change{}
	}
	return list
}

// isNews says whether a finding is to be told of now. What is held back is told later, if it still is so by then.
func (u *use) isNews(f finding, now time.Time) bool {
	if u.told == "" {
		u.told = reasonFetched // nobody said that it fared badly
	}
	return f.reason != u.told && u.recent.allow(now)
}

// Of a use that fares now well, now badly, that many changes are told within that time.
const (
	maxNews    = 4
	newsWindow = 20 * time.Minute
)

// recent holds when the latest were told, in a ring.
type recent struct {
	at   [maxNews]time.Time
	next int
}

func (r *recent) allow(now time.Time) bool {
	if oldest := r.at[r.next]; !oldest.IsZero() && now.Sub(oldest) < newsWindow {
		return false
	}
	r.at[r.next] = now
	r.next = (r.next + 1) % maxNews
	return true
}

// change is which files changed since that was last told, in one or more steps.
type change struct{ updated, added, removed []string }

func (c *change) add(step volume.Change) {
	c.updated = union(c.updated, step.Updated)
	c.added = union(c.added, step.Added)
	c.removed = union(c.removed, step.Removed)
}

func (c change) empty() bool { return len(c.updated)+len(c.added)+len(c.removed) == 0 }

// String is "updated a, b; added c", as long as an event may be.
func (c change) String() string {
	var parts []string
	for _, part := range []struct {
		verb  string
		names []string
	}{{"updated", c.updated}, {"added", c.added}, {"removed", c.removed}} {
		if len(part.names) > 0 {
			parts = append(parts, part.verb+" "+strings.Join(part.names, ", "))
		}
	}
	return fault.Bound(strings.Join(parts, "; "), maxTold)
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
