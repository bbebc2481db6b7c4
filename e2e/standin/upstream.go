package standin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// UpstreamDir is the plugin directory of the driver that the product takes the place of.
const UpstreamDir = "csi-secrets-store"

// Fill mounts a tmpfs on a target as that driver does, with no options, and lays files out in it as it does: a directory
// named after the time, ..data that leads there, a relative link by each name. Content that is there already is left.
func Fill(target string, files map[string]string) error {
	if err := Tmpfs(target); err != nil {
		return err
	}
	if holds(target, files) {
		return nil
	}
	old, err := os.Readlink(filepath.Join(target, "..data"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, err := os.MkdirTemp(target, time.Now().UTC().Format("..2006_01_02_15_04_05."))
	if err != nil {
		return err
	}
	err = os.Chmod(dir, 0o755)
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		if _, missing := os.Lstat(filepath.Join(target, name)); missing != nil {
			err = errors.Join(err, os.Symlink(filepath.Join("..data", name), filepath.Join(target, name)))
		}
	}
	next := filepath.Join(target, "..data_tmp")
	err = errors.Join(err, os.Symlink(filepath.Base(dir), next), os.Rename(next, filepath.Join(target, "..data")))
	if err != nil || old == "" {
		return err
	}
	return os.RemoveAll(filepath.Join(target, old))
}

func holds(target string, files map[string]string) bool {
	for name, text := range files {
		if got, err := os.ReadFile(filepath.Join(target, name)); err != nil || string(got) != text {
			return false
		}
	}
	return true
}

// LeaveSocket leaves a socket at a path that nobody listens on any more, as a process does that is killed.
func LeaveSocket(path string) error {
	if !strings.HasSuffix(path, ".sock") {
		return fmt.Errorf("%s is no socket's path", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	listener.SetUnlinkOnClose(false)
	return listener.Close()
}
