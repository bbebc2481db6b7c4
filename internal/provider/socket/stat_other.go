//go:build !windows

package socket

import (
	"io/fs"
	"os"
)

func statSocket(path string) (fs.FileInfo, error) { return os.Stat(path) }
