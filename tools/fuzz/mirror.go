package main

import (
	"os"
	"path/filepath"
	"strings"
)

// mirror makes a directory that looks like another, but for one path inside, which is an empty directory of its own. The
// way to that path is made of real directories, so that ".." leads where it would; everything beside it is a link.
// A test program that starts in it reads its own testdata, but asks the inputs that are put at the path.
func mirror(of, at, path string) error {
	first, rest, more := strings.Cut(filepath.ToSlash(path), "/")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(of)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == first {
			continue
		}
		if err := os.Symlink(filepath.Join(of, entry.Name()), filepath.Join(at, entry.Name())); err != nil {
			return err
		}
	}
	if !more {
		return os.Mkdir(filepath.Join(at, first), 0o755)
	}
	return mirror(filepath.Join(of, first), filepath.Join(at, first), rest)
}
