package keyvault

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"strongroom/internal/emulator/keyvault/store"
	"strongroom/internal/fault"
)

// stateFormat is raised when older state files can no longer be read.
const stateFormat = 1

type savedServer struct {
	Format int
	Vaults []savedVault
}

type savedVault struct {
	Name string
	Data store.SavedVault
}

// Export takes down every vault with all it holds, values in clear text, as JSON for a state file: keep it as one
// keeps a private key. Traits are configuration and not part of it.
func (s *Server) Export() ([]byte, error) {
	saved := savedServer{Format: stateFormat}
	for _, v := range s.all() {
		data, err := v.save()
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "vault "+v.name, "cannot be saved")
		}
		saved.Vaults = append(saved.Vaults, savedVault{v.name, data})
	}
	return json.Marshal(saved)
}

func (v *vault) save() (store.SavedVault, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.data.Save()
}

func (s *Server) all() []*vault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*vault
	for _, name := range slices.Sorted(maps.Keys(s.vaults)) {
		list = append(list, s.vaults[name])
	}
	return list
}

// Import puts back what Export took down: vaults that are missing are added, those that are there get the saved
// contents instead of theirs. Nothing changes when the data cannot be read (Invalid).
func (s *Server) Import(state []byte) error {
	var saved savedServer
	if err := json.Unmarshal(state, &saved); err != nil || saved.Format != stateFormat {
		return fault.New(fault.Invalid, "state", "is not what this version of the emulator writes")
	}
	loaded := map[string]*store.Vault{}
	for _, v := range saved.Vaults {
		data, err := v.Data.Load()
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "state of vault "+v.Name, "cannot be read")
		}
		loaded[v.Name] = data
	}
	for name, data := range loaded {
		s.AddVault(name)
		s.replace(name, data)
	}
	return nil
}

func (s *Server) replace(name string, data *store.Vault) {
	s.mu.Lock()
	v := s.vaults[strings.ToLower(name)]
	s.mu.Unlock()
	if v == nil {
		return // removed in the meantime, on someone's wish
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.data = data
}
