package faults

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"strongroom/internal/clock"
)

// Table holds the faults in force. Asking it costs one atomic read while it is empty, which is nearly always. The
// zero value is not usable; call NewTable.
type Table struct {
	clock clock.Clock

	mu   sync.Mutex // serialises writers
	live atomic.Pointer[[]*armed]
}

// armed is a fault with what is left of its count.
type armed struct {
	Fault
	struck atomic.Int64
	met    atomic.Int64 // requests that matched, for Every
}

// NewTable makes an empty table; latencies are waited for on c.
func NewTable(c clock.Clock) *Table { return &Table{clock: c} }

// Set replaces the whole table; counts start anew. The faults must have passed Check.
func (t *Table) Set(list []Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(list) == 0 {
		t.live.Store(nil)
		return
	}
	next := make([]*armed, len(list))
	for i, f := range list {
		next[i] = &armed{Fault: f}
	}
	t.live.Store(&next)
}

// List gives the faults in force, spent ones left out, each with the count that remains.
func (t *Table) List() []Fault {
	list := []Fault{}
	for _, a := range t.faults() {
		f := a.Fault
		if f.Count > 0 {
			f.Count -= int(a.struck.Load())
			if f.Count <= 0 {
				continue
			}
		}
		list = append(list, f)
	}
	return list
}

// Skew is how wrong the service's clock is at the moment.
func (t *Table) Skew(service Service) time.Duration {
	var skew time.Duration
	for _, a := range t.faults() {
		if a.Service == service {
			skew += a.ClockSkew
		}
	}
	return skew
}

// Clock is the clock of one service: the table's own, wrong by Skew. Its timers are not affected.
func (t *Table) Clock(service Service) clock.Clock { return skewed{t.clock, t, service} }

type skewed struct {
	clock.Clock
	table   *Table
	service Service
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.table.Skew(s.service)) }

func (t *Table) faults() []*armed {
	if list := t.live.Load(); list != nil {
		return *list
	}
	return nil
}

// plan is what is to befall one request.
type plan struct {
	latency  time.Duration
	answer   *Fault // Outage or Status; nil lets the service answer
	slowBody time.Duration
	cutBody  bool
}

// plan uses up one count of every fault that takes part.
func (t *Table) plan(service Service, subject string, r *http.Request) plan {
	var p plan
	for _, a := range t.faults() {
		if !a.matches(service, subject, r) || (p.answer != nil && (a.Outage || a.Status != 0)) || !a.take() {
			continue
		}
		p.latency += a.Latency
		p.slowBody += a.SlowBody
		p.cutBody = p.cutBody || a.CutBody
		if a.Outage || a.Status != 0 {
			p.answer = &a.Fault
		}
	}
	return p
}

// take reports whether the fault strikes this request and still has a strike left, and uses it.
func (a *armed) take() bool {
	if a.Every > 1 && a.met.Add(1)%int64(a.Every) != 0 {
		return false
	}
	if a.Count == 0 {
		return true
	}
	if a.struck.Add(1) <= int64(a.Count) {
		return true
	}
	a.struck.Store(int64(a.Count)) // keeps the counter from running away; a late writer can only store the same bound
	return false
}
