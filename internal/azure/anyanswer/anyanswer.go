// Package anyanswer gives the clients of Azure whatever answer a fuzzer thinks of, and judges what they make of it. It is
// for tests.
package anyanswer

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/fault"
)

// Server answers every request alike, and notes whom they go to. The zero value answers with status 0, which no server has.
type Server struct {
	Status int
	Header http.Header
	Body   string
	Asked  []string // scheme://host[:port] of each request, in their order
}

// RoundTrip is a server without a network.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.Asked = append(s.Asked, r.URL.Scheme+"://"+r.URL.Host)
	return &http.Response{
		StatusCode: s.Status, Header: s.Header, Body: io.NopCloser(strings.NewReader(s.Body)), ContentLength: int64(len(s.Body)), Request: r,
	}, nil
}

// Client asks the server, and follows it nowhere, as the product's own does.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: s, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Refused fails the test unless an error is what people and rooms above can use: one line of at most so many bytes, a kind
// that is not our own fault, a wait of at most a day, and nothing of the credential that the server may have sent back.
func Refused(t testing.TB, err error, credential string, most int) {
	t.Helper()
	text := fault.Explain(err)
	if strings.Contains(text, credential[:30]) || strings.ContainsAny(text, "\r\n") || len(text) > most || fault.KindOf(err) == fault.Internal {
		t.Fatalf("%v %q", fault.KindOf(err), text)
	}
	if w := fault.RetryAfterOf(err); w < 0 || w > 24*time.Hour {
		t.Fatalf("a wait of %v", w)
	}
}
