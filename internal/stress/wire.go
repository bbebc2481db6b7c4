package stress

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// wire carries the requests of all nodes to the emulator, takes as long about it as a network would, and counts.
type wire struct {
	azure http.RoundTripper
	start time.Time

	mu      sync.Mutex
	total   traffic
	buckets []traffic // of the plot, from the start on
}

// traffic is what was asked, and what became of it.
type traffic struct {
	Reads, Tokens int // requests, however they ended
	Answered      int // of them, with a success
	Throttled     int // with 429
	Broken        int // without a whole answer
}

func (t *traffic) add(u traffic) {
	t.Reads += u.Reads
	t.Tokens += u.Tokens
	t.Answered += u.Answered
	t.Throttled += u.Throttled
	t.Broken += u.Broken
}

func (t traffic) minus(u traffic) traffic {
	return traffic{t.Reads - u.Reads, t.Tokens - u.Tokens, t.Answered - u.Answered, t.Throttled - u.Throttled, t.Broken - u.Broken}
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	one, latency := traffic{Reads: 1}, vaultLatency
	if strings.HasSuffix(r.URL.Path, "/token") {
		one, latency = traffic{Tokens: 1}, entraLatency
	}
	at := time.Since(w.start)
	resp, err := w.ask(r, latency)
	switch {
	case err != nil:
		one.Broken = 1
	case resp.StatusCode == http.StatusTooManyRequests:
		one.Throttled = 1
	case resp.StatusCode == http.StatusOK:
		one.Answered = 1
	}
	w.count(at, one)
	return resp, err
}

// ask gives up where the provider's transport would, which is not under test here.
func (w *wire) ask(r *http.Request, latency time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), headerPatience)
	defer cancel()
	time.Sleep(latency / 2)
	resp, err := w.azure.RoundTrip(r.WithContext(ctx))
	time.Sleep(latency - latency/2)
	if err != nil {
		return nil, err
	}
	// Whether an answer is whole shows when it is read. It is in memory, so that reading it here changes nothing.
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.count(time.Since(w.start), traffic{Answered: -1, Broken: 1})
	}
	resp.Body = &played{text: text, end: err}
	return resp, nil
}

func (w *wire) count(at time.Duration, one traffic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := int(at / bucket)
	for len(w.buckets) <= i {
		w.buckets = append(w.buckets, traffic{})
	}
	w.buckets[i].add(one)
	w.total.add(one)
}

func (w *wire) sum() traffic {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// played is a body that was read before.
type played struct {
	text []byte
	end  error
}

func (p *played) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		if p.end != nil {
			return 0, p.end
		}
		return 0, io.EOF
	}
	n := copy(b, p.text)
	p.text = p.text[n:]
	return n, nil
}

func (p *played) Close() error { return nil }
