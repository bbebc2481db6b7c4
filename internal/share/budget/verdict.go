package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// verdict is what an outcome says about the counterpart, as opposed to the object asked for.
type verdict uint8

const (
	none      verdict = iota // nothing: the caller went away
	unsure                   // neither up nor down
	answered                 // it answered, whatever it was
	throttled                // it asks for less
	outage                   // it cannot be reached
)

// judge reads an outcome. A caller's own deadline says nothing of the counterpart, but a probe that took that long
// does not end a pause.
func judge(ctx context.Context, err error) verdict {
	if err == nil {
		return answered
	}
	switch kind, status := fault.KindOf(err), statusOf(err); {
	case kind == fault.Throttled, kind == fault.Unavailable && (status == 429 || status == 503):
		return throttled
	case kind.Refusal(), kind == fault.Invalid, kind == fault.Unsupported:
		return answered
	case errors.Is(ctx.Err(), context.Canceled):
		return none
	case ctx.Err() != nil:
		return unsure
	case kind == fault.Unavailable && (status == 0 || status == 502 || status == 504):
		return outage
	}
	return unsure
}

func statusOf(err error) int {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Remote.Status
	}
	return 0
}

func (v verdict) cause(status int) cause {
	if v == throttled {
		return cause{fault.Throttled, status}
	}
	return cause{fault.Unavailable, status}
}

// String is the end of the sentence "paused after ...".
func (c cause) String() string {
	switch {
	case c.kind == fault.Throttled && c.status != 0:
		return fmt.Sprintf("it asked for fewer requests (HTTP %d)", c.status)
	case c.kind == fault.Throttled:
		return "it asked for fewer requests"
	case c.status != 0:
		return fmt.Sprintf("its gateway answered HTTP %d", c.status)
	}
	return "it could not be reached"
}

// The steps of a pause. An outage is looked at again sooner than a counterpart that has asked to be left alone: nobody
// is hurt by the probe, and pods wait for its end.
const (
	firstStep       = time.Second
	lastStep        = 60 * time.Second
	firstOutageStep = 500 * time.Millisecond
	lastOutageStep  = 15 * time.Second
	longestAsked    = time.Hour // a Retry-After beyond it is taken for a mistake
	longestSpread   = 15 * time.Second
)

// pause is how long to wait after the (step+1)th failure in a row. What Retry-After asks for is the least; it and a step
// of our own are lengthened by up to a quarter, so that nodes which were throttled together do not come back together. A
// last step, which many nodes repeat throughout a long outage, is shortened by as much instead: the bound holds.
func pause(kind fault.Kind, step int, retryAfter time.Duration, random func() float64) time.Duration {
	if retryAfter > 0 {
		least := asked(retryAfter)
		return least + time.Duration(random()*float64(min(least/4, longestSpread)))
	}
	d, last := firstStep, lastStep
	if kind == fault.Unavailable {
		d, last = firstOutageStep, lastOutageStep
	}
	d = clock.Backoff(step+1, d, last)
	spread := time.Duration(random() * float64(d/4))
	if d == last {
		return d - spread
	}
	return min(d+spread, last)
}

func asked(retryAfter time.Duration) time.Duration { return min(retryAfter, longestAsked) }
