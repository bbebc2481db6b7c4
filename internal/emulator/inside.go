package emulator

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"syscall"
)

// Transport asks what lives at the https names in the caller's own goroutine, without a connection: request log, faults
// and limits are as over a socket, and a latency waits on the emulator's clock. It is for simulations in which
// connections would cost more than what is looked at. An outage is a connection that was reset; of an answer that is cut
// the first half arrives.
func (e *Emulator) Transport() http.RoundTripper { return inside{e.byName()} }

type inside struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inside) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := r.Clone(r.Context())
	asked.Host, asked.RequestURI, asked.RemoteAddr = r.Host, r.URL.RequestURI(), "127.0.0.1:1"
	if asked.Host == "" {
		asked.Host = r.URL.Host
	}
	if r.Body == nil {
		asked.Body = http.NoBody
	} else {
		defer r.Body.Close()
	}
	tape := &tape{header: http.Header{}}
	cut := !tape.serve(t.handler, asked)
	switch err := r.Context().Err(); {
	case err != nil:
		return nil, err
	case cut && tape.status == 0:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	body := io.Reader(&tape.body)
	if cut {
		body = io.MultiReader(body, broken{})
	}
	status := tape.status
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: tape.sent, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

// broken is the end of an answer that was cut.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// tape is a ResponseWriter in memory.
type tape struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

// serve lets the handler answer; false when it broke the answer off.
func (t *tape) serve(handler http.Handler, r *http.Request) (whole bool) {
	defer func() {
		if panicked := recover(); panicked != nil {
			if err, ok := panicked.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(panicked)
			}
		}
	}()
	handler.ServeHTTP(t, r)
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	return true
}

func (t *tape) Header() http.Header { return t.header }

func (t *tape) WriteHeader(status int) {
	if t.status == 0 {
		t.status, t.sent = status, maps.Clone(t.header)
	}
}

func (t *tape) Write(b []byte) (int, error) {
	t.WriteHeader(http.StatusOK)
	return t.body.Write(b)
}
