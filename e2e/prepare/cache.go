package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// unused is how long an entry of the cache may lie there before it is dropped.
const unused = 30 * 24 * time.Hour

// cached is where a program is kept that is made of these files by this compiler, which may have to be made first. What
// others have long not asked for is dropped.
func cached(name string, sources ...string) (string, error) {
	hash := sha256.New()
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		hash.Write(text)
	}
	hash.Write([]byte(runtime.Version() + runtime.GOARCH))
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, fmt.Sprintf("%x", hash.Sum(nil)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	now := time.Now()
	if err := os.Chtimes(dir, now, now); err != nil {
		return "", err
	}
	return filepath.Join(dir, name), dropOld(cache, now)
}

func cacheDir() (string, error) {
	if dir := os.Getenv("STRONGROOM_E2E_CACHE"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".cache", "strongroom-e2e"), err
}

func dropOld(cache string, now time.Time) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) < unused {
			continue
		}
		if err := os.RemoveAll(filepath.Join(cache, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// build compiles a program, which gets its name once it is whole.
func build(binary, dir string, environment []string, arguments ...string) error {
	part := fmt.Sprintf("%s.%d", binary, os.Getpid())
	if err := run(dir, environment, "go", append([]string{"build", "-trimpath", "-o", part}, arguments...)...); err != nil {
		return err
	}
	return os.Rename(part, binary)
}

// link puts a link in the place of whatever was there.
func link(target, path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(target, path)
}
