package volume

import (
	"path/filepath"

	"strongroom/internal/fault"
)

// lock claims a target for one change and gives its clean path. It never waits.
func (m *Manager) lock(target string) (clean string, unlock func(), err error) {
	clean, err = checkTarget(target)
	if err != nil {
		return "", nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.busy[clean]; taken {
		return "", nil, errBusy(clean)
	}
	m.busy[clean] = struct{}{}
	return clean, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.busy, clean)
	}, nil
}

func errBusy(target string) error {
	return fault.New(fault.Busy, target, "another operation on this volume is running")
}

// checkTarget refuses what cannot be a volume's own directory.
func checkTarget(target string) (clean string, err error) {
	if target == "" || !filepath.IsAbs(target) {
		return "", fault.New(fault.Invalid, "target path", "%q is not absolute", target)
	}
	clean = filepath.Clean(target)
	if clean == filepath.Dir(clean) {
		return "", fault.New(fault.Invalid, "target path", "%q is the root of a file system", target)
	}
	return clean, nil
}
