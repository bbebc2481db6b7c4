package keyvault

import (
	"strings"
	"sync"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
)

// Server holds the vaults. Its methods may be called at any time, also while requests are served.
type Server struct {
	cfg    Config
	routes []compiled

	mu     sync.Mutex
	vaults map[string]*vault // by lower-case name
}

// vault is one vault behind its lock.
type vault struct {
	mu     sync.Mutex
	name   string
	traits Traits
	window window
	data   *store.Vault
}

// New makes a Server without vaults.
func New(cfg Config) *Server {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Region == "" {
		cfg.Region = "local"
	}
	return &Server{cfg: cfg, routes: compile(routes()), vaults: map[string]*vault{}}
}

// AddVault makes an empty vault; a vault of that name is left as it is.
func (s *Server) AddVault(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := strings.ToLower(name); s.vaults[key] == nil {
		s.vaults[key] = &vault{name: name, traits: s.cfg.Traits, data: &store.Vault{}}
	}
}

// RemoveVault forgets a vault and all it held.
func (s *Server) RemoveVault(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.vaults, strings.ToLower(name))
}

// HasVault reports whether there is such a vault.
func (s *Server) HasVault(name string) bool {
	_, err := s.vault(name)
	return err == nil
}

// Shape gives a vault traits of its own. NotFound when there is no such vault, Invalid for a retention outside 7 to 90
// days or an unknown encoding.
func (s *Server) Shape(vault string, t Traits) error {
	if t.RetentionDays != 0 && (t.RetentionDays < 7 || t.RetentionDays > 90) {
		return fault.New(fault.Invalid, "retentionDays", "must be from 7 to 90, not %d", t.RetentionDays)
	}
	if t.Limit.Requests < 0 || t.Limit.Per < 0 {
		return fault.New(fault.Invalid, "limit", "may not be negative")
	}
	if !t.Encoding.known() {
		return fault.New(fault.Invalid, "encoding "+string(t.Encoding), "is neither legacy nor modern")
	}
	v, err := s.vault(vault)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.traits = t
	return nil
}

// Traits are those a vault has; NotFound when there is no such vault.
func (s *Server) Traits(vault string) (Traits, error) {
	v, err := s.vault(vault)
	if err != nil {
		return Traits{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.traits, nil
}

func (e Encoding) known() bool { return e == "" || e == Legacy || e == Modern }

func (s *Server) vault(name string) (*vault, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.vaults[strings.ToLower(name)]; v != nil {
		return v, nil
	}
	return nil, fault.New(fault.NotFound, "vault "+name, "does not exist")
}
