package publish

import (
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// How long a volume waits after a failure: firstWait, then twice as long each time, up to a bound. What passes by itself
// is tried often, since the provider asks a vault that is down only once per step whoever asks for it, and nobody should
// serve old content for long after it is back. What somebody must mend costs requests at every try. What the other side
// asks for is obeyed, within reason.
const (
	firstWait      = 5 * time.Second
	longestPassing = 15 * time.Second
	longestWait    = 2 * time.Minute
	longestAsked   = time.Hour
)

// retry is when what failed is tried again. The zero retry means that nothing failed.
type retry struct {
	failures    int
	until       time.Time
	fetched     bool      // it got as far as to cost somebody something
	older       bool      // it succeeded, with content older than was asked for
	fingerprint string    // what was tried
	refresh     time.Time // and on whose request
	kind        fault.Kind
}

// note learns from a publish. A success that brought older content than was asked for is tried again like a failure.
func (r *retry) note(w *work, err error) {
	switch {
	case w.held, w.record.First && err != nil: // whoever mounts first has a patience of its own
	case err == nil && (w.record.Skipped || w.answered):
		*r = retry{}
	default:
		*r = retry{
			failures: r.failures + 1, fetched: w.record.Stage != FindingClass, older: err == nil,
			fingerprint: w.fingerprint, refresh: w.refresh, kind: fault.Unavailable,
		}
		if err != nil {
			r.kind = fault.KindOf(err)
		}
		asked := min(fault.RetryAfterOf(err), longestAsked)
		r.until = w.record.At.Add(max(wait(r.failures, r.kind), asked))
	}
}

// wait is how long to wait after so many failures in a row.
func wait(failures int, kind fault.Kind) time.Duration {
	longest := longestWait
	if kind == fault.Unavailable || kind == fault.Throttled || kind == fault.Busy {
		longest = longestPassing
	}
	return clock.Backoff(failures, firstWait, longest)
}

// holdsBack says whether a fetch must wait. It need not for a class that was edited since, nor for somebody who asks for it.
func (r *retry) holdsBack(w *work) bool {
	return r.fetched && w.record.At.Before(r.until) && r.fingerprint == w.fingerprint && !w.refresh.After(r.refresh)
}

// renewedBy says whether v brings what may let a failed fetch succeed: new tokens where the old ones had ended, or
// another nodePublishSecretRef, in which somebody may have mended what was refused.
func (t *tracked) renewedBy(v Volume) bool {
	r := t.history.retry
	if !r.fetched || t.kept.target == "" {
		return false
	}
	return r.kind == fault.Expired && !t.kept.Tokens.Equal(v.Tokens) || r.kind.Refusal() && !sameSecrets(t.kept.Secrets, v.Secrets)
}
