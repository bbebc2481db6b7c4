package vaults

import (
	"slices"
	"strings"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
)

// Plane is the vaults themselves, where secrets are. It is called while no vault changes.
type Plane interface {
	// Put opens a vault, or changes what an open one permits.
	Put(Vault) error
	// Hide makes a vault's name lead nowhere and keeps what it holds; Forget throws that away.
	Hide(name string)
	Forget(name string)
	// URI is a vault's address for clients that reached the resource manager at host, with a slash at its end.
	URI(host, name string) string
}

// Directory is who exists.
type Directory interface {
	Tenants() []entra.Tenant
}

// Rights is who may do what.
type Rights interface {
	May(objectID, action, resource string) bool
	Authorize(c wire.Caller, action, resource string) *wire.Answer
}

// Groups is where vaults are.
type Groups interface {
	Learn(id string)
	Find(subscription, group string) *wire.Answer // nil: there is such a group
}

// Config shapes a Server. Everything is required but Plane, without which no vault can be made.
type Config struct {
	Directory Directory
	Rights    Rights
	Groups    Groups
	Plane     Plane
	Clock     clock.Clock
}

// Server holds the vaults. Its methods may be called at any time, by many goroutines.
type Server struct {
	config Config

	mu   sync.Mutex
	list []*entry // in the order they were made
}

// entry is a vault, open or deleted.
type entry struct {
	Vault
	made    time.Time
	deleted time.Time // zero: it is open
}

// New makes a Server without vaults.
func New(c Config) *Server { return &Server{config: c} }

// Add registers a vault, and opens it or, when it is there, changes it; what a document says is done by this. The Plane's
// errors are its own.
func (s *Server) Add(v Vault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config.Plane == nil {
		return fault.New(fault.Unsupported, "vault "+v.Name, "there is nothing here to hold what is in it")
	}
	if err := s.config.Plane.Put(v); err != nil {
		return err
	}
	if have := s.namedLocked(v.Name); have != nil {
		have.Vault, have.deleted = v, time.Time{}
		return nil
	}
	s.list = append(s.list, &entry{Vault: v, made: s.config.Clock.Now()})
	s.config.Groups.Learn(v.ResourceID)
	return nil
}

// Forget drops a vault that is no more, open or deleted.
func (s *Server) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(e *entry) bool { return strings.EqualFold(e.Name, name) })
	if s.config.Plane != nil {
		s.config.Plane.Forget(name)
	}
}

// Resources lists the open vaults as lists across kinds show them.
func (s *Server) Resources() []wire.Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []wire.Resource
	for _, e := range s.list {
		if e.deleted.IsZero() {
			list = append(list, e.resource())
		}
	}
	return list
}

// namedLocked finds a vault by its name, which nobody else in the world can have, not even while it is deleted.
func (s *Server) namedLocked(name string) *entry {
	i := slices.IndexFunc(s.list, func(e *entry) bool { return strings.EqualFold(e.Name, name) })
	if i < 0 {
		return nil
	}
	return s.list[i]
}

// expire forgets the deleted ones whose time is over.
func (s *Server) expire(now time.Time) {
	s.list = slices.DeleteFunc(s.list, func(e *entry) bool {
		over := !e.deleted.IsZero() && !now.Before(e.deleted.Add(e.retention()))
		if over {
			s.config.Plane.Forget(e.Name)
		}
		return over
	})
}
