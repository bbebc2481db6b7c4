//go:build !linux

package volume

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// systemMounter mounts nothing: outside Linux a volume is a plain directory, as it is upstream on Windows.
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

// localPath keeps what a path means the same on every system: no drive, no device, no backslash.
func localPath(p string) bool {
	return filepath.IsLocal(filepath.FromSlash(p)) && !strings.Contains(p, `\`)
}

// canSync says that directories can be synced.
const canSync = runtime.GOOS != "windows"

// sameMode compares type and permissions. Windows has a read-only flag and nothing more, which is not compared.
func sameMode(have, want fs.FileMode) bool {
	if runtime.GOOS == "windows" {
		return have.Type() == want.Type()
	}
	return have&^fs.ModeSetgid == want
}
