// Package journal is the emulator's request log: what was asked of which service, and how often. Tests and the demo
// count calls with it. It holds no header, no body and no query string, so nothing that is secret can be in it.
package journal

import (
	"maps"
	"sync"
	"time"

	"strongroom/internal/emulator/faults"
)

// Record is one request as it was answered.
type Record struct {
	Time    time.Time      `json:"time"` // when it arrived
	Service faults.Service `json:"service"`
	Kind    string         `json:"kind"` // see Classify
	Method  string         `json:"method"`
	Host    string         `json:"host"`   // as the client named it; the node's name for IMDS
	Path    string         `json:"path"`   // at most 256 bytes
	Status  int            `json:"status"` // 0 when the connection was closed without an answer
}

// Journal keeps the latest records and exact counts of all. It may be used by many goroutines at once.
type Journal struct {
	mu     sync.Mutex
	ring   []Record // grows to its bound, then is written round and round
	next   int
	bound  int
	counts map[string]int // by kind
	total  int
}

// New makes a Journal that keeps the latest records, at least one.
func New(bound int) *Journal {
	return &Journal{bound: max(bound, 1), counts: map[string]int{}}
}

// Add counts a record and keeps it until bound newer ones have come.
func (j *Journal) Add(r Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.total++
	j.counts[r.Kind]++
	if len(j.ring) < j.bound {
		j.ring = append(j.ring, r)
		return
	}
	j.ring[j.next] = r
	j.next = (j.next + 1) % j.bound
}

// Records gives what is kept, oldest first.
func (j *Journal) Records() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]Record, 0, len(j.ring))
	list = append(list, j.ring[j.next:]...)
	return append(list, j.ring[:j.next]...)
}

// Counts gives how many requests of each kind there were since the last Reset, those no longer kept among them.
func (j *Journal) Counts() map[string]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.counts)
}

// Total is the sum of Counts.
func (j *Journal) Total() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.total
}

// Reset forgets everything.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ring, j.next, j.total = nil, 0, 0
	clear(j.counts)
}
