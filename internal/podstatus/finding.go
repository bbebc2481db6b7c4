package podstatus

import (
	"cmp"
	"strings"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
)

// Reasons of the condition Fresh. Where the latest publish failed it is the failure's kind, as Denied or NotFound.
const (
	reasonFetched       = "Fetched"       // True: the store gave the content when it last was due
	reasonLastKnownGood = "LastKnownGood" // False: the store could not be asked, and an earlier answer stands
)

// maxWords bounds how much of an error an object carries.
const maxWords = 4 << 10

// finding is how a volume's content fares, in the words of a condition. The zero finding is that nothing is known.
type finding struct {
	standing publish.Standing
	reason   string
	message  string
	since    time.Time
	asked    time.Time // when the content was asked of the store, at the latest
}

// next is the finding after a record. It stays the same, words and all, for as long as its reason does, and where a
// failure's next try is waited for: such a record has no error of its own.
func (f finding) next(record publish.Record, is publish.Standing) finding {
	if is == publish.Unrefreshed && record.Err == nil && f.standing == is {
		return f
	}
	now := finding{standing: is, since: record.At, asked: record.At.Add(-record.Age)}
	switch is {
	case publish.Unrefreshed:
		now.reason = camel(fault.KindOf(record.Err))
		now.message = fault.Bound(fault.Explain(record.Err), maxWords)
		now.since = record.Failing
	case publish.Stale:
		now.reason = reasonLastKnownGood
		now.message = "the store could not be asked; the files hold what it gave by " + stamp(now.asked)
	default:
		now.reason = reasonFetched
		now.message = "the store gave the content when it last was due"
	}
	if f.reason == now.reason {
		return f
	}
	return now
}

// recalled is the finding that an object states. One written by somebody who states none is taken for good.
func recalled(conditions []secretsstore.Condition) finding {
	for _, c := range conditions {
		if c.Type != secretsstore.ConditionFresh {
			continue
		}
		f := finding{standing: publish.Unrefreshed, reason: c.Reason, message: c.Message, since: c.LastTransitionTime, asked: c.LastTransitionTime}
		switch {
		case c.Status == secretsstore.True:
			f.standing = publish.Fresh
		case c.Reason == reasonLastKnownGood:
			f.standing = publish.Stale
		}
		return f
	}
	return finding{standing: publish.Fresh, reason: reasonFetched}
}

var severity = map[publish.Standing]int{publish.Unknown: 0, publish.Fresh: 1, publish.Stale: 2, publish.Unrefreshed: 3}

func (f finding) worse(than finding) bool { return severity[f.standing] > severity[than.standing] }

// condition states the finding, given what was stated before.
func (f finding) condition(before []secretsstore.Condition) secretsstore.Condition {
	now := secretsstore.Condition{
		Type: secretsstore.ConditionFresh, Status: secretsstore.False, Reason: f.reason, Message: f.message,
		LastTransitionTime: f.since.UTC().Truncate(time.Second),
	}
	if f.standing == publish.Fresh {
		now.Status = secretsstore.True
	}
	for _, c := range before {
		if c.Type != now.Type || c.Status != now.Status {
			continue
		}
		if c.Reason == now.Reason {
			return c
		}
		now.LastTransitionTime = c.LastTransitionTime
	}
	return now
}

// camel is a kind as conditions spell reasons: not-found is NotFound.
func camel(kind fault.Kind) string {
	var b strings.Builder
	for word := range strings.SplitSeq(kind.String(), "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func byID(a, b secretsstore.ObjectVersion) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Version, b.Version))
}
