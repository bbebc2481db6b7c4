package journal

import (
	"net/http"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/faults"
)

// longestPath bounds what a client can make the log hold per record.
const longestPath = 256

// Wrap records every request to a service. Host overrides the name the client used, for services that are told apart
// by listener; empty takes the client's. It goes outside of the faults, so that what they answer is counted too.
func (j *Journal) Wrap(service faults.Service, host string, c clock.Clock, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record := Record{Time: c.Now(), Service: service, Method: clip(r.Method, 16), Host: host, Path: clip(r.URL.Path, longestPath)}
		if host == "" {
			record.Host = clip(r.Host, longestPath)
		}
		spy := &statusSpy{ResponseWriter: w}
		finished := false
		defer func() { // also when the handler aborts the connection
			record.Status = spy.status
			if finished && record.Status == 0 {
				record.Status = http.StatusOK
			}
			record.Kind = Classify(service, r, record.Status)
			j.Add(record)
		}()
		next.ServeHTTP(spy, r)
		finished = true
	})
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// statusSpy remembers the status that was sent.
type statusSpy struct {
	http.ResponseWriter
	status int
}

func (s *statusSpy) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusSpy) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusSpy) Unwrap() http.ResponseWriter { return s.ResponseWriter }
