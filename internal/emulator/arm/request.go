package arm

import (
	"io"
	"net/http"
	"strings"

	"strongroom/internal/emulator/arm/rights"
	"strongroom/internal/emulator/arm/wire"
)

// largestBody is more than a machine with every identity Azure allows has.
const largestBody = 1 << 20

// ServeHTTP answers one request. The body is read before anything is locked, for a client may be slow.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, no := s.parse(w, r)
	if no == nil {
		no = s.meter.Take(q)
	}
	if no == nil {
		no = s.pass(q)
		s.meter.Tell(q, no)
	}
	no.Write(w)
}

// parse checks in the order the real one does: who, and which version.
func (s *Server) parse(w http.ResponseWriter, r *http.Request) (q wire.Request, no *wire.Answer) {
	q = wire.Request{Method: r.Method, Host: r.Host, Header: r.Header, Query: r.URL.Query(), Now: s.config.Clock.Now(), Path: wire.ParsePath(r.URL.Path)}
	if q.Caller, no = s.authenticate(r); no != nil {
		return q, no
	}
	if q.Version, no = wire.APIVersion(q.Query); no != nil {
		return q, no
	}
	var err error
	if q.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody)); err != nil {
		return q, wire.BadContent("it cannot be read")
	}
	return q, nil
}

// pass gives the request to the room that its namespace belongs to.
func (s *Server) pass(q wire.Request) *wire.Answer {
	if q.Path.Subscription != "" {
		if no := s.groups.Find(q.Path.Subscription, ""); no != nil {
			return no
		}
	}
	aboutNamespace := q.Path.Namespace == "" || len(q.Path.Rest) == 0 || q.Path.Is(0, "register")
	if aboutNamespace {
		return s.groups.Serve(q)
	}
	if strings.EqualFold(q.Path.Namespace, rights.Namespace) {
		return s.rights.Serve(q)
	}
	if room, known := s.rooms[strings.ToLower(q.Path.Namespace)]; known {
		return room.Serve(q)
	}
	return wire.NotFound("InvalidResourceNamespace", "The resource namespace '%s' is invalid.", q.Path.Namespace)
}
