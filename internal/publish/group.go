package publish

import (
	"slices"

	"strongroom/internal/secret"
)

// readableBy lets the pod's group read what the owner may read, as Kubernetes does for the volumes it writes itself:
// with an fsGroup the pod's user is usually not the owner, and a file of mode 0400 would be of no use to it. No bit is
// ever taken away, and a file that nobody was to read, such as one of mode 0000, stays that. Without a group the modes
// are left alone.
func readableBy(group *int, files []secret.File) []secret.File {
	if group == nil {
		return files
	}
	files = slices.Clone(files)
	for i := range files {
		files[i].Mode |= (files[i].Mode & 0o400) >> 3
	}
	return files
}
