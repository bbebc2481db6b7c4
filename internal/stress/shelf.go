package stress

import (
	"os"
	"path/filepath"
	"sync"

	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// realEvery is which nodes have volumes with real files; the others' are in memory, since files of 8,000 pods would take
// most of the machine's time.
const realEvery = 4

// newVolumes are a node's.
func newVolumes(n *node) publish.Volumes {
	if n.id%realEvery == 0 {
		return volume.New(volume.Config{Mount: volume.Plain, Clock: n.clock})
	}
	return &shelf{held: map[string][]secret.File{}}
}

// file is what a pod's process reads.
func (n *node) file(target, name string) (string, error) {
	if s, inMemory := n.volumes.(*shelf); inMemory {
		return s.file(target, name)
	}
	text, err := os.ReadFile(filepath.Join(target, name))
	return string(text), err
}

// shelf is volumes in memory.
type shelf struct {
	mu   sync.Mutex
	held map[string][]secret.File // by target; nil where there is a target without files
}

// Ensure implements publish.Volumes.
func (s *shelf) Ensure(target string) (volume.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.held[target]; !there {
		s.held[target] = nil
	}
	return s.stateLocked(target), nil
}

// Write implements publish.Volumes.
func (s *shelf) Write(target string, files []secret.File, _ *int) (volume.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, change := s.held[target], volume.Change{}
	for i, f := range files {
		if i >= len(before) || !before[i].Contents.Equal(f.Contents) {
			change.Changed, change.Updated = true, append(change.Updated, f.Path)
		}
	}
	s.held[target] = files
	return change, nil
}

// Remove implements publish.Volumes.
func (s *shelf) Remove(target string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, target)
	return nil
}

// Inspect implements publish.Shown.
func (s *shelf) Inspect(target string) (volume.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stateLocked(target), nil
}

func (s *shelf) stateLocked(target string) volume.State {
	files, there := s.held[target]
	return volume.State{Exists: there, Mounted: files != nil, Complete: files != nil, Backing: volume.BackingOther}
}

// Names implements publish.Shown.
func (s *shelf) Names(target string) (names []string, err error) {
	files, err := s.Read(target)
	for _, f := range files {
		names = append(names, f.Path)
	}
	return names, err
}

// Read implements publish.Shown.
func (s *shelf) Read(target string) ([]secret.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[target], nil
}

func (s *shelf) file(target, name string) (string, error) {
	files, err := s.Read(target)
	for _, f := range files {
		if f.Path == name {
			return string(f.Contents.Reveal()), err
		}
	}
	return "", os.ErrNotExist
}
