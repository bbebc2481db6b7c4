package nmi_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/clock"
)

// BenchmarkTokenRequests sends a thousand requests, fifty at a time, from ten pods with two identities: what counts is how
// many questions reach the metadata service, and how long an answer takes. The client shares the machine with the daemon.
func BenchmarkTokenRequests(b *testing.B) {
	inside := &durations{}
	w := newWorld(b, func(w *world) { w.config.Clock, w.config.Meter = clock.Real{}, inside })
	for n := range 10 {
		name := []string{"one", "two"}[n%2]
		p := w.pod(n+1, "shop", fmt.Sprintf("web-%d", n), name)
		w.assign(p, w.identity("shop", name), aadpodidentity.Assigned)
	}
	const requests, atOnce = 1000, 50
	var lock sync.Mutex
	var took []time.Duration
	w.holds(w.token(1, ""), "one")
	w.holds(w.token(2, ""), "two")
	for b.Loop() {
		var group errgroup.Group
		for n := range atOnce {
			group.Go(func() error {
				own, err := w.burst(n%10+1, requests/atOnce)
				lock.Lock()
				defer lock.Unlock()
				took = append(took, own...)
				return err
			})
		}
		must(b, group.Wait())
	}
	slices.Sort(took)
	slices.Sort(inside.list)
	b.ReportMetric(float64(inside.list[len(inside.list)*99/100].Microseconds()), "µs-p99-inside")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(float64(w.imdsCalls()), "imds-calls")
	b.ReportMetric(0, "ns/op")
}

// durations is a meter that keeps how long each answer took in the daemon.
type durations struct {
	meter
	mu   sync.Mutex
	list []time.Duration
}

func (d *durations) Answered(_, _, _ string, _ int, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, took)
}

// burst sends so many requests on one connection of the n-th pod and says how long each took. It is written by hand so that
// what is measured is the daemon.
func (w *world) burst(n, count int) ([]time.Duration, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: at(n).AsSlice()}}
	conn, err := dialer.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	request := []byte("GET " + tokenPath + "?api-version=2018-02-01&resource=" + vault + " HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n\r\n")
	buffer := make([]byte, 16<<10)
	var took []time.Duration
	for range count {
		began := time.Now()
		if _, err := conn.Write(request); err != nil {
			return took, err
		}
		for got := 0; got == 0 || buffer[got-1] != '}'; { // the body is one object, and small
			more, err := conn.Read(buffer[got:])
			if err != nil {
				return took, err
			}
			got += more
		}
		took = append(took, time.Since(began))
		if !bytes.HasPrefix(buffer, []byte("HTTP/1.1 200 ")) {
			return took, fmt.Errorf("answered %.40s", buffer)
		}
	}
	return took, nil
}

// BenchmarkAssignmentWakes is the time from an assignment's being seen to the waiting pod's having its token, with one
// question to the metadata service in it.
func BenchmarkAssignmentWakes(b *testing.B) {
	w := newWorld(b)
	n := 0
	for b.Loop() {
		n++
		b.StopTimer()
		w.mu.Lock()
		clear(w.pods)
		w.assigned = nil
		w.mu.Unlock()
		p := w.pod(1, "shop", fmt.Sprintf("web-%d", n), "web")
		answer := w.later(func() reply { return w.token(1, "") })
		w.clock.BlockUntil(1)
		b.StartTimer()
		w.assign(p, w.identity("shop", "one"), aadpodidentity.Assigned)
		if r := answer(); r.status != http.StatusOK {
			b.Fatal(r.body)
		}
	}
}
