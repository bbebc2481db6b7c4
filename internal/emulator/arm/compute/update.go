package compute

import (
	"fmt"
	"net/http"
	"strings"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// update is PATCH and PUT: both answer at once with the machine as it will be, and 200, the one status that clients take
// from a PATCH. A body without identity is an update that changes none; None is how identities are taken away.
func (s *Server) update(q wire.Request, m *machine) *wire.Answer {
	if no := m.precondition(q); no != nil {
		return no
	}
	w, no := readWish(q.Body)
	if no != nil {
		return no
	}
	next, no := s.becomes(q, m, w)
	if no != nil {
		return no
	}
	op := s.begin(q, m, s.changed(m, next))
	op.shows = true
	return op.answers(q, m.shown(q, http.StatusOK))
}

// becomes is what the machine is to hold, with every objection to it. Only when there is none left is a system-assigned
// identity made.
func (s *Server) becomes(q wire.Request, m *machine, w *wish) (Holding, *wire.Answer) {
	if w == nil {
		return m.model, m.conflict()
	}
	if no := s.authorizeLinked(q.Caller, m, w.add); no != nil {
		return Holding{}, no
	}
	next, no := w.from(m.model, q.Method == http.MethodPut, s.identity)
	if no == nil {
		no = m.conflict()
	}
	if no != nil || !w.system || next.System != nil && s.exists(*next.System) {
		return next, no
	}
	made, err := s.principal(m)
	if err != nil {
		return Holding{}, wire.Refuse(http.StatusBadRequest, identityFailed, "The system assigned identity of '%s' cannot be made: %v.", m.ID(), err)
	}
	next.System = made
	return next, nil
}

// changed shows the new holding at once, and gives what the operation does at its end: instances follow, or all is as it
// was before because an identity has been deleted meanwhile, or long ago and the machine still names it.
func (s *Server) changed(m *machine, next Holding) func() *wire.Failure {
	before := m.model
	m.model = next
	m.changes++
	return func() *wire.Failure {
		if lost := s.lost(next); len(lost) > 0 {
			m.model = before
			m.changes++
			s.forget(next.System, before.System)
			return &wire.Failure{Code: identityFailed, Message: fmt.Sprintf("Identity operation for resource '%s' failed: the identities '%s' could not be found.",
				m.ID(), strings.Join(lost, ","))}
		}
		s.forget(before.System, next.System)
		m.revision++
		for _, i := range m.instances {
			if m.follows() {
				m.tell(i, m.last.ends.Add(s.config.Propagation))
			}
		}
		return nil
	}
}

// identityFailed is the code for an identity that cannot be had, though the caller may assign it.
const identityFailed = "FailedIdentityOperation"

// lost lists user-assigned identities that the directory no longer knows.
func (s *Server) lost(h Holding) []string {
	var ids []string
	for _, p := range h.User {
		if !s.exists(p) {
			ids = append(ids, nameOf(p))
		}
	}
	return ids
}

func (s *Server) exists(p entra.Principal) bool {
	_, known := s.config.Directory.Find(p.ObjectID)
	return known
}

// forget removes a system-assigned identity from the directory unless the other is the same: it ends with its machine's
// assignment, and tokens for it with it.
func (s *Server) forget(gone, stays *entra.Principal) {
	if gone != nil && (stays == nil || stays.ObjectID != gone.ObjectID) {
		s.config.Directory.Remove(gone.ObjectID)
	}
}

// precondition is If-Match and If-None-Match against the ETag of the machine, which always exists here.
func (m *machine) precondition(q wire.Request) *wire.Answer {
	match, none := q.Header.Get("If-Match"), q.Header.Get("If-None-Match")
	if match != "" && match != "*" && match != m.etag() || none == "*" || none != "" && none == m.etag() {
		return wire.Refuse(http.StatusPreconditionFailed, "ConditionNotMet", "The condition of the request is not met by resource '%s' with ETag %s.", m.ID(), m.etag())
	}
	return nil
}
