package vaults

import (
	"net/http"
	"strings"

	"strongroom/internal/emulator/arm/wire"
)

// Serve answers a request about vaults.
func (s *Server) Serve(q wire.Request) *wire.Answer {
	job, no := s.find(q)
	if no != nil {
		return no
	}
	if job.action == "" {
		return wire.NoMethod(q.Method)
	}
	job.refusal = s.config.Rights.Authorize(q.Caller, job.action, job.scope)
	if job.refusal != nil && !job.list {
		return job.refusal
	}
	if no := s.config.Groups.Find(q.Path.Subscription, q.Path.Group); no != nil {
		return no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(q.Now)
	if job.list {
		return s.listed(q, job.refusal)
	}
	return job.do(q)
}

// job is what a request asks for: the action it takes, on what, and how it is done.
type job struct {
	action, scope string
	do            func(q wire.Request) *wire.Answer
	list          bool         // it is the list of vaults, which shows what the caller may read
	refusal       *wire.Answer // what there is to say against all of it
}

func (s *Server) find(q wire.Request) (job, *wire.Answer) {
	p, n := q.Path, len(q.Path.Rest)
	inGroup := p.Group != ""
	id := p.InGroup(vaultType, p.At(1))
	switch {
	case p.Is(0, "vaults") && n == 1:
		return only(q, http.MethodGet, job{action: vaultType + "/read", scope: p.Scope, list: true}), nil
	case p.Is(0, "vaults") && n == 2 && inGroup:
		return job{action: verb(q), scope: id, do: s.one}, nil
	case p.Is(0, "vaults") && n == 4 && inGroup && p.Is(2, "accessPolicies"):
		return only(q, http.MethodPut, job{action: vaultType + "/accessPolicies/write", scope: id, do: s.policies}), nil
	case inGroup:
	case p.Is(0, "deletedVaults") && n == 1:
		return only(q, http.MethodGet, job{action: Namespace + "/deletedVaults/read", scope: p.Scope, do: s.listDeleted}), nil
	case p.Is(0, "checkNameAvailability") && n == 1:
		return only(q, http.MethodPost, job{action: Namespace + "/checkNameAvailability/read", scope: p.Scope, do: s.available}), nil
	case p.Is(0, "locations") && p.Is(2, "deletedVaults") && n == 4:
		return only(q, http.MethodGet, job{action: Namespace + "/locations/deletedVaults/read", scope: p.Scope, do: s.oneDeleted}), nil
	case p.Is(0, "locations") && p.Is(2, "deletedVaults") && p.Is(4, "purge") && n == 5:
		return only(q, http.MethodPost, job{action: Namespace + "/locations/deletedVaults/purge/action", scope: p.Scope, do: s.purge}), nil
	}
	return job{}, wire.NoSuchType(strings.Join(p.Rest, "/"), Namespace)
}

func only(q wire.Request, method string, j job) job {
	if q.Method != method {
		return job{}
	}
	return j
}

func verb(q wire.Request) string {
	verb, known := map[string]string{http.MethodGet: "read", http.MethodPut: "write", http.MethodPatch: "write", http.MethodDelete: "delete"}[q.Method]
	if !known {
		return ""
	}
	return vaultType + "/" + verb
}

func (s *Server) listed(q wire.Request, refusal *wire.Answer) *wire.Answer {
	list := []body{}
	for _, e := range s.list {
		if e.deleted.IsZero() && wire.Covers(q.Path.Scope, e.ResourceID) {
			list = append(list, s.document(q, e))
		}
	}
	return wire.Visible(list, refusal, func(one body) bool { return s.config.Rights.May(q.ObjectID, vaultType+"/read", one.ID) })
}

// one answers for a vault by its id.
func (s *Server) one(q wire.Request) *wire.Answer {
	e := s.open(q.Path)
	switch {
	case q.Method == http.MethodPut:
		return s.put(q, e)
	case e == nil && q.Method == http.MethodDelete:
		return wire.Gone(false)
	case e == nil:
		return wire.NoSuchResource(vaultType, q.Path.At(1), q.Path.Group)
	case q.Method == http.MethodPatch:
		return s.patch(q, e)
	case q.Method == http.MethodDelete:
		e.deleted = q.Now
		s.config.Plane.Hide(e.Name)
		return wire.Gone(true)
	}
	return wire.OK(s.document(q, e))
}

// open finds the vault that a path names, unless it is deleted.
func (s *Server) open(p wire.Path) *entry {
	e := s.namedLocked(p.At(1))
	if e == nil || !e.deleted.IsZero() || !strings.EqualFold(e.ResourceID, p.InGroup(vaultType, p.At(1))) {
		return nil
	}
	return e
}
