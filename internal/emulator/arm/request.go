package arm

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// largestBody is more than a machine with every identity Azure allows has.
const largestBody = 1 << 20

// request is an authenticated one, parsed.
type request struct {
	caller
	place   place
	method  string
	action  string
	host    string
	version string
	header  http.Header
	query   url.Values
	body    []byte
	now     time.Time
}

// ServeHTTP answers one request. The body is read before anything is locked, for a client may be slow.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, no := s.parse(w, r)
	if no == nil {
		no = s.do(q)
	}
	no.write(w)
}

// parse checks in the order the real one does: who, which version, what.
func (s *Server) parse(w http.ResponseWriter, r *http.Request) (q request, no *answer) {
	q = request{method: r.Method, host: r.Host, header: r.Header, query: r.URL.Query(), now: s.config.Clock.Now()}
	if q.caller, no = s.authenticate(r); no != nil {
		return q, no
	}
	if q.version, no = apiVersion(q.query); no != nil {
		return q, no
	}
	if q.place, no = locate(r.URL.Path); no != nil {
		return q, no
	}
	if q.action = q.place.action(r.Method); q.action == "" {
		return q, refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The requested resource does not support http method '%s'.", r.Method)
	}
	var err error
	if q.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody)); err != nil {
		return q, badContent("it cannot be read")
	}
	return q, nil
}

// do finds what the request is about, and does it under the lock.
func (s *Server) do(q request) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if no := s.knowsSubscription(q.place.subscription); no != nil {
		return no
	}
	if q.place.operation != "" {
		return s.operationStatus(q)
	}
	if no := s.authorize(q.caller, q.action, q.place.resource()); no != nil {
		return no
	}
	m, no := s.find(q.place)
	if no != nil {
		return no
	}
	m.settle(q.now)
	switch {
	case q.place.upgrade:
		return s.upgrade(q, m)
	case q.place.instances:
		return m.readInstances(q.place.instance)
	case q.method == http.MethodGet:
		return m.shown(http.StatusOK)
	}
	return s.update(q, m)
}

func (s *Server) knowsSubscription(id string) *answer {
	for _, m := range s.machines {
		if strings.EqualFold(m.Subscription, id) {
			return nil
		}
	}
	return notFound("SubscriptionNotFound", "The subscription '%s' could not be found.", id)
}

func (s *Server) find(p place) (*machine, *answer) {
	group := false
	for _, m := range s.machines {
		if m.is(p) {
			return m, nil
		}
		group = group || strings.EqualFold(m.Subscription, p.subscription) && strings.EqualFold(m.Group, p.group)
	}
	if !group {
		return nil, notFound("ResourceGroupNotFound", "Resource group '%s' could not be found.", p.group)
	}
	return nil, notFound("ResourceNotFound", "The Resource 'Microsoft.Compute/%s/%s' under resource group '%s' was not found. "+
		"For more details please go to https://aka.ms/ARMResourceNotFoundFix", p.kind, p.name, p.group)
}
