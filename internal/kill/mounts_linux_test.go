package kill

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mountsBelow lists the places below dir that something is mounted at, once for each mount.
func mountsBelow(dir string) []string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			all = append(all, fields[4])
		}
	}
	return all
}

func unmountAll(dir string) {
	for _, at := range mountsBelow(dir) {
		_ = unix.Unmount(at, unix.MNT_DETACH)
	}
}
