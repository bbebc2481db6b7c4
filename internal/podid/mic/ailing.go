package mic

import (
	"time"

	"strongroom/internal/fault"
)

// passing is how long a failure may last that mostly goes by itself, before people are told of it.
const passing = 30 * time.Second

// ail takes why a request failed.
func (r *resource) ail(now time.Time, err error) {
	if r.err == nil {
		r.ailing = now
	}
	r.err = err
}

// complaint is what people are to be told of a machine. Azure lets one at a time write to it, and asks for patience now and
// then: that is told when the next attempt fails as well or none is made for long, and not while an update runs. Otherwise
// it is nil, and again says when to look anew; zero is at the next news.
func (r *resource) complaint(now time.Time) (again time.Time, err error) {
	switch fault.KindOf(r.err) {
	case fault.Busy, fault.Throttled, fault.Unavailable:
	default:
		return time.Time{}, r.err
	}
	switch over := r.ailing.Add(passing); {
	case r.err == nil, r.failures+r.readFailures > 1:
		return time.Time{}, r.err
	case r.flight != nil && r.flight.sent:
		return time.Time{}, nil
	case now.Before(over):
		return over, nil
	}
	return time.Time{}, r.err
}
