package arm

import (
	"strings"
	"sync"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
)

// Server is the resource manager. Its methods may be called at any time, by many goroutines.
type Server struct {
	config Config

	mu         sync.Mutex
	machines   []*machine
	rights     []Assignment
	operations []*operation // the latest, oldest first
}

// New makes a Server without machines, where nobody may do anything.
func New(c Config) *Server {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return &Server{config: c}
}

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
	return nil
}

// Grant gives a principal a role at a scope, in addition to what it has.
func (s *Server) Grant(a Assignment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rights = append(s.rights, a)
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

func (s *Server) living(h Holding) Holding {
	var have Holding
	if h.System != nil {
		if p, known := s.config.Directory.Find(h.System.ObjectID); known {
			have.System = &p
		}
	}
	for _, one := range h.User {
		if p, known := s.config.Directory.Find(one.ObjectID); known {
			have.User = append(have.User, p)
		}
	}
	return have
}

func (s *Server) nodeLocked(node string) (*machine, *instance) {
	for _, m := range s.machines {
		for _, i := range m.instances {
			if i.node == node {
				return m, i
			}
		}
	}
	return nil, nil
}

// principal makes the system-assigned identity of a machine, named like it.
func (s *Server) principal(m *machine) (*entra.Principal, error) {
	made, err := s.config.Directory.AddIdentity(entra.Identity{Name: m.Name, TenantID: m.TenantID, ResourceID: m.ID(), SystemAssigned: true})
	if err != nil {
		return nil, err
	}
	p, _ := s.config.Directory.Find(made.ObjectID)
	return &p, nil
}
