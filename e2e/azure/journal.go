package azure

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/journal"
)

// Record is one request that Azure was asked.
type Record = journal.Record

// Fault is one way to misbehave; its fields are those of an emulator document.
type Fault = faults.Fault

// Mark is a moment in the request log.
type Mark struct {
	e     *Emulator
	total int
}

// Mark notes how far the request log has come.
func (e *Emulator) Mark(t testing.TB) Mark {
	t.Helper()
	total, _ := e.requests(t)
	return Mark{e, total}
}

// Since gives the requests after the mark that every filter lets through, oldest first. Those of the tests' operator are
// among them, but he reads nothing. The log keeps 10,000; a mark that is older fails the test.
func (m Mark) Since(t testing.TB, filters ...func(Record) bool) []Record {
	t.Helper()
	total, records := m.e.requests(t)
	fresh := total - m.total
	if fresh > len(records) {
		t.Fatalf("%d requests since the mark, and the log keeps only %d", fresh, len(records))
	}
	return slices.DeleteFunc(records[len(records)-fresh:], func(r Record) bool {
		return slices.ContainsFunc(filters, func(keep func(Record) bool) bool { return !keep(r) })
	})
}

// To lets through what was asked of one vault.
func To(v Vault) func(Record) bool {
	return func(r Record) bool { return strings.HasPrefix(strings.ToLower(r.Host), v.Name+".") }
}

// Kind lets through requests of these kinds: token, secret-get, imds-token and so on.
func Kind(kinds ...string) func(Record) bool {
	return func(r Record) bool { return slices.Contains(kinds, r.Kind) }
}

func (e *Emulator) requests(t testing.TB) (int, []Record) {
	t.Helper()
	answer, err := e.call(t.Context(), http.MethodGet, e.control("requests"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Total    int
		Requests []Record
	}
	if err := json.Unmarshal(answer, &log); err != nil {
		t.Fatal(err)
	}
	return log.Total, log.Requests
}

// Break puts a fault in force until the test ends or the function it gives is called. Faults of one host (a vault's name)
// concern nobody else; one that is counted begins anew whenever any test breaks or mends something.
func (e *Emulator) Break(t testing.TB, f Fault) (mend func()) {
	t.Helper()
	e.mu.Lock()
	e.faults = append(e.faults, &f)
	e.mu.Unlock()
	// The end of a test ends its context before its cleanups run.
	if err := e.putFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	mend = func() {
		t.Helper()
		e.mu.Lock()
		e.faults = slices.DeleteFunc(e.faults, func(other *Fault) bool { return other == &f })
		e.mu.Unlock()
		if err := e.putFaults(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(mend)
	return mend
}

func (e *Emulator) putFaults(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock() // the last one to put is the last one to have changed the list
	_, err := e.call(ctx, http.MethodPut, e.control("faults"), "", append([]*Fault{}, e.faults...))
	return err
}
