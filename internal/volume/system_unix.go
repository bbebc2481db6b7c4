//go:build !linux && !windows

package volume

import (
	"errors"
	"io/fs"
	"os"
)

// systemMounter mounts nothing: outside Linux a volume is a plain directory.
type systemMounter struct{}

func (systemMounter) Mount(string, []string) error      { return errors.ErrUnsupported }
func (systemMounter) Unmount(string) error              { return nil }
func (systemMounter) IsMountPoint(string) (bool, error) { return false, nil }
func onTmpfs(string) bool                               { return false }
func fileSystemStats(string) (Stats, error)             { return Stats{}, nil }
func (d *dir) exclude() (release func(), err error)     { return func() {}, nil }
func give(*os.File, *int) error                         { return nil } // no pod has an fsGroup here
func inGroup(fs.FileInfo, *int) bool                    { return true }
func deviceOf(fs.FileInfo) uint64                       { return 0 }
func isFull(error) bool                                 { return false }

// sameMode compares type and permissions.
func sameMode(have, want fs.FileMode) bool { return have&^fs.ModeSetgid == want }

// canSync says that directories can be synced.
const canSync = true

// isShared: what is mounted here is mounted for all.
func isShared(string) (bool, error) { return true, nil }
