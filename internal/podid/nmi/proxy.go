package nmi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
)

const (
	// passing bounds a request that is passed on.
	passing = time.Minute
	// mostPassed bounds the body of one.
	mostPassed = 64 << 10
)

// hopByHop are headers that are about one connection only (RFC 9110, section 7.6.1, and those of old).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// pass sends a request on to the metadata service as it came, and its answer back, a redirect included. The path was
// found plain before.
func (s *Server) pass(w http.ResponseWriter, r *http.Request) *refusal {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return refuse(http.StatusMethodNotAllowed, fault.New(fault.Invalid, r.Method, "is not passed on"))
	}
	ctx, cancel := context.WithTimeout(r.Context(), passing)
	defer cancel()
	// Not every writer has a deadline to set; a server's has, and it is a moment of the machine's clock.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(passing)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return later(fault.Wrap(err, fault.Unavailable, "request", "its connection cannot be read from"), time.Second)
	}
	onward, err := http.NewRequestWithContext(ctx, r.Method, s.Metadata+r.RequestURI, http.MaxBytesReader(w, r.Body, mostPassed))
	if err != nil {
		return badRequest("the request cannot be passed on")
	}
	if r.ContentLength == 0 {
		onward.Body = http.NoBody
	}
	onward.ContentLength = r.ContentLength
	onward.Header = passable(r.Header)
	if onward.Header.Get("User-Agent") == "" {
		onward.Header["User-Agent"] = nil // none was sent, so none is
	}
	resp, err := s.Direct.Do(onward)
	if err != nil {
		return later(transport.Unreached(err, "metadata service", onward.URL.Host), time.Second)
	}
	body, err := transport.Body(resp)
	if err != nil {
		return later(fault.Wrap(err, fault.Unavailable, "metadata service", "its answer broke off"), time.Second)
	}
	for name, values := range passable(resp.Header) {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length") // that of the body as it was read is set by the server
	w.WriteHeader(resp.StatusCode)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client has gone: nobody is left to be told
	}
	return nil
}

// passable is a copy of headers without those of the one connection.
func passable(h http.Header) http.Header {
	passed := h.Clone()
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			passed.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		passed.Del(name)
	}
	return passed
}

// drop keeps a request's body from being read after the answer, which the server does to use the connection again: no
// endpoint of ours takes one, and a client could send it very slowly.
func drop(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		r.Body = io.NopCloser(strings.NewReader(""))
	}
}
