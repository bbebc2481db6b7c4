package identities

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// Namespace is what the requests answered here are about.
const Namespace = "Microsoft.ManagedIdentity"

const (
	identityType  = Namespace + "/userAssignedIdentities"
	federatedWord = "federatedIdentityCredentials"
)

// Directory is who exists.
type Directory interface {
	Find(ref string) (entra.Principal, bool)
	Identities() []entra.Identity
	AddIdentity(entra.Identity) (entra.Identity, error)
	Remove(ref string) bool
	PutFederated(ref string, f entra.FederatedCredential) (isNew bool, err error)
	RemoveFederated(ref, name string) error
}

// Rights is who may do what.
type Rights interface {
	May(objectID, action, resource string) bool
	Authorize(c wire.Caller, action, resource string) *wire.Answer
}

// Groups is where identities are.
type Groups interface {
	Learn(id string)
	Find(subscription, group string) *wire.Answer // nil: there is such a group
}

// Config shapes a Server. Directory, Rights and Groups are required.
type Config struct {
	Directory Directory
	Rights    Rights
	Groups    Groups
	// Busy is how long the write of a federated credential keeps its identity from another one; 0 is not at all.
	Busy time.Duration
}

// Server answers for identities. Its methods may be called at any time, by many goroutines.
type Server struct {
	config Config

	mu      sync.Mutex
	details map[string]detail    // by object id
	written map[string]time.Time // when a federated credential of an identity was last written, by object id
}

// detail is what the directory has no use for.
type detail struct {
	location string
	tags     map[string]string
}

// New makes a Server.
func New(c Config) *Server {
	return &Server{config: c, details: map[string]detail{}, written: map[string]time.Time{}}
}

// Resources lists the identities as lists across kinds show them.
func (s *Server) Resources() []wire.Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []wire.Resource
	for _, i := range s.config.Directory.Identities() {
		if !i.SystemAssigned {
			list = append(list, s.document(i).Resource)
		}
	}
	return list
}

// Serve answers a request about identities or their credentials.
func (s *Server) Serve(q wire.Request) *wire.Answer {
	p := q.Path
	if p.Is(0, "identities") && p.Is(1, "default") && len(p.Rest) == 2 && q.Method == http.MethodGet {
		return s.systemAssigned(q)
	}
	credential := len(p.Rest) > 2
	if !p.Is(0, "userAssignedIdentities") || len(p.Rest) > 4 || credential && !p.Is(2, federatedWord) || len(p.Rest) > 1 && p.Group == "" {
		return wire.NoSuchType(strings.Join(p.Rest, "/"), Namespace)
	}
	action, scope := s.asks(q)
	if action == "" {
		return wire.NoMethod(q.Method)
	}
	no := s.config.Rights.Authorize(q.Caller, action, scope)
	if no != nil && len(p.Rest) > 1 {
		return no
	}
	if p.Group != "" {
		if no := s.config.Groups.Find(p.Subscription, p.Group); no != nil {
			return no
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case credential:
		return s.credentials(q)
	case len(p.Rest) == 1:
		return s.list(q, no)
	}
	return s.identity(q)
}

// asks is the action of a request and what it is done to; both are empty when there is no such action.
func (s *Server) asks(q wire.Request) (action, scope string) {
	verbs := map[string]string{http.MethodGet: "/read", http.MethodPut: "/write", http.MethodPatch: "/write", http.MethodDelete: "/delete"}
	verb, list := verbs[q.Method], len(q.Path.Rest)%2 == 1
	scope = q.Path.InGroup(identityType, q.Path.At(1))
	switch {
	case verb == "" || list && q.Method != http.MethodGet:
		return "", ""
	case len(q.Path.Rest) == 1:
		return identityType + verb, q.Path.Scope
	case len(q.Path.Rest) == 2:
		return identityType + verb, scope
	case q.Method == http.MethodPatch: // credentials have no PATCH
		return "", ""
	}
	return identityType + "/" + federatedWord + verb, scope
}

// find is the identity that a path names, by its id.
func (s *Server) find(p wire.Path) (entra.Identity, bool) {
	id := p.InGroup(identityType, p.At(1))
	for _, i := range s.config.Directory.Identities() {
		if !i.SystemAssigned && strings.EqualFold(i.ResourceID, id) {
			return i, true
		}
	}
	return entra.Identity{}, false
}
