package compute

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/roles"
	"strongroom/internal/fault"
)

// Namespace is what the requests answered here are about.
const Namespace = "Microsoft.Compute"

// Directory is who exists.
type Directory interface {
	Find(ref string) (entra.Principal, bool)
	AddIdentity(entra.Identity) (entra.Identity, error)
	Remove(ref string) bool
}

// Rights is who may do what.
type Rights interface {
	May(objectID, action, resource string) bool
	Authorize(c wire.Caller, action, resource string) *wire.Answer
}

// Groups is where machines are.
type Groups interface {
	Learn(id string)
	Find(subscription, group string) *wire.Answer // nil: there is such a group
}

// Config shapes a Server. Directory, Rights, Groups and Clock are required.
type Config struct {
	Directory Directory
	Rights    Rights
	Groups    Groups
	Clock     clock.Clock // dates operations
	// UpdateTime is how long an update runs before it has an end; 0 ends it at once, before the first poll.
	UpdateTime time.Duration
	// Propagation is how much later than that the metadata endpoint of the machine follows; 0 is at once.
	Propagation time.Duration
}

// Server holds the machines. Its methods may be called at any time, by many goroutines.
type Server struct {
	config Config

	mu         sync.Mutex
	machines   []*machine
	operations []*operation // the latest, oldest first
}

// New makes a Server without machines.
func New(c Config) *Server { return &Server{config: c} }

// Add registers a machine or scale set. Invalid when there is one of that id, or one of its nodes belongs elsewhere.
func (s *Server) Add(r Resource) error {
	r = r.filled()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines {
		if strings.EqualFold(m.ID(), r.ID()) {
			return fault.New(fault.Invalid, r.ID(), "is there already")
		}
	}
	for _, node := range r.Nodes {
		if m, _ := s.nodeLocked(node); m != nil {
			return fault.New(fault.Invalid, "node "+node, "belongs to %s already", m.ID())
		}
	}
	s.machines = append(s.machines, newMachine(r))
	s.config.Groups.Learn(r.ID())
	return nil
}

// Holding is what a node's metadata endpoint may hand out tokens for at this moment; nothing for a node nobody added.
// Identities that the directory no longer knows are left out.
func (s *Server) Holding(node string) Holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, i := s.nodeLocked(node)
	if m == nil {
		return Holding{}
	}
	now := s.config.Clock.Now()
	m.settle(now)
	return s.living(i.holding(now))
}

// Resources lists the machines as lists across kinds show them.
func (s *Server) Resources() []wire.Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []wire.Resource
	for _, m := range s.machines {
		list = append(list, wire.Resource{ID: m.ID(), Name: m.Name, Type: m.kind(), Location: wire.Region})
	}
	return list
}

// Serve answers a request about machines.
func (s *Server) Serve(q wire.Request) *wire.Answer {
	p, no := locate(q.Path)
	if no != nil {
		return no
	}
	action := p.action(q.Method)
	switch {
	case action == "":
		return wire.NoMethod(q.Method)
	case p.operation != "":
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.operationStatus(q, p.operation)
	}
	no = s.config.Rights.Authorize(q.Caller, action, p.resource())
	if no != nil && p.name != "" {
		return no
	}
	if p.Group != "" {
		if no := s.config.Groups.Find(p.Subscription, p.Group); no != nil {
			return no
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.name == "" {
		return s.list(q, p, no)
	}
	return s.do(q, p)
}

// do finds what the request is about, and does it under the lock.
func (s *Server) do(q wire.Request, p place) *wire.Answer {
	for _, m := range s.machines {
		if !m.is(p) {
			continue
		}
		m.settle(q.Now)
		switch {
		case p.upgrade:
			return s.upgrade(q, m)
		case p.instances:
			return m.readInstances(p)
		case p.view:
			return wire.OK(m.view())
		case q.Method == http.MethodGet:
			return m.shown(q, http.StatusOK)
		}
		return s.update(q, m)
	}
	return wire.NoSuchResource(Namespace+"/"+string(p.kind), p.name, p.Group)
}

// list is the machines of a group or subscription, as far as the caller may read them; refusal says that not all.
func (s *Server) list(q wire.Request, p place, refusal *wire.Answer) *wire.Answer {
	var list []resourceBody
	for _, m := range s.machines {
		if m.Kind == p.kind && m.in(p) {
			m.settle(q.Now)
			list = append(list, m.document())
		}
	}
	return wire.Visible(list, refusal, func(one resourceBody) bool { return s.config.Rights.May(q.ObjectID, one.Type+"/read", one.ID) })
}

// authorizeLinked refuses identities that do not exist or that the caller may not assign. The text does not tell the two
// apart; controllers read the ids from it, and drop those and try again.
func (s *Server) authorizeLinked(c wire.Caller, m *machine, ids []string) *wire.Answer {
	var refused []string
	for _, id := range ids {
		if _, known := s.identity(id); !known || !s.config.Rights.May(c.ObjectID, roles.Assign, id) {
			refused = append(refused, id)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return wire.Refuse(http.StatusForbidden, "LinkedAuthorizationFailed",
		"The client '%s' with object id '%s' has permission to perform action '%s' on scope '%s'; however, it does not have permission to "+
			"perform action '%s' on the linked scope(s) '%s' or the linked scope(s) are invalid.",
		c.AppID, c.ObjectID, m.kind()+"/write", m.ID(), roles.Assign, strings.Join(refused, ","))
}
