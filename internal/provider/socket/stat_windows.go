package socket

import (
	"io/fs"
	"os"
)

// statSocket looks at the file itself where following it fails: some Windows cannot open a socket's file to look at it.
func statSocket(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return os.Lstat(path)
	}
	return info, nil
}
