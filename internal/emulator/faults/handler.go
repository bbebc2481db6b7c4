package faults

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// slowPieces is how many pieces a slow body comes in.
const slowPieces = 10

type connKey struct{}

// ConnContext is for http.Server: it lets an outage close the connection itself, HTTP/2 included, where an aborted
// handler would only reset one stream and look like a defect of the server instead of a server that is gone.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// Wrap puts the table in front of a service. Subject is the node for IMDS, and empty for services that are told apart
// by host name.
func (t *Table) Wrap(service Service, subject string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.live.Load() == nil {
			next.ServeHTTP(w, r)
			return
		}
		if skew := t.Skew(service); skew != 0 {
			w.Header().Set("Date", t.clock.Now().Add(skew).UTC().Format(http.TimeFormat))
		}
		p := t.plan(service, subject, r)
		if !t.wait(r.Context(), p.latency) {
			panic(http.ErrAbortHandler) // the client has gone
		}
		answer := next
		if p.answer != nil {
			answer = p.answer.handler(t.clock.Now())
		}
		if p.slowBody == 0 && !p.cutBody {
			answer.ServeHTTP(w, r)
			return
		}
		t.play(w, r, answer, p)
	})
}

func (t *Table) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	fired, stop := t.clock.After(d)
	defer stop()
	select {
	case <-fired:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *Fault) handler(now time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.Outage {
			drop(r)
		}
		contentType, body := refusal(f.Service, f.Status, now)
		if f.Service == ARM && f.Status == http.StatusTooManyRequests {
			w.Header().Set("X-Ms-Ratelimit-Remaining-Resource", "Microsoft.Compute/"+strictestPolicy+";0")
		}
		w.Header().Set("Content-Type", contentType)
		if f.RetryAfter > 0 {
			seconds := (f.RetryAfter + time.Second - 1) / time.Second
			w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, body)
	})
}

// drop closes the connection and ends the handler; it does not return.
func drop(r *http.Request) {
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// play lets the service answer into memory and then sends that answer slowly, or half of it.
func (t *Table) play(w http.ResponseWriter, r *http.Request, answer http.Handler, p plan) {
	tape := &recording{header: w.Header().Clone(), status: http.StatusOK}
	answer.ServeHTTP(tape, r)
	maps.Copy(w.Header(), tape.header)
	body := tape.body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(tape.status)
	if p.cutBody {
		body = body[:len(body)/2]
	}
	control := http.NewResponseController(w)
	_ = control.Flush()
	for piece := range pieces(body, p.slowBody) {
		if !t.wait(r.Context(), p.slowBody/slowPieces) {
			return
		}
		_, _ = w.Write(piece)
		_ = control.Flush()
	}
	if p.cutBody { // closing the connection instead could overtake what HTTP/2 has written but not sent
		panic(http.ErrAbortHandler)
	}
}

// pieces yields the body whole, or in about slowPieces parts when it is to be slow.
func pieces(body []byte, slow time.Duration) func(func([]byte) bool) {
	size := len(body)
	if slow > 0 {
		size = (len(body) + slowPieces - 1) / slowPieces
	}
	return func(yield func([]byte) bool) {
		for len(body) > 0 {
			n := min(size, len(body))
			if !yield(body[:n]) {
				return
			}
			body = body[n:]
		}
	}
}

// recording is a ResponseWriter in memory.
type recording struct {
	header  http.Header
	status  int
	written bool
	body    bytes.Buffer
}

func (r *recording) Header() http.Header { return r.header }

func (r *recording) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
}

func (r *recording) Write(b []byte) (int, error) {
	r.written = true
	return r.body.Write(b)
}
