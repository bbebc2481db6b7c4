package params

import (
	"fmt"
	"path"
	"strings"

	"strongroom/internal/fault"
)

// Linux's limits, in bytes.
const (
	maxPath    = 4096
	maxElement = 255
	maxDepth   = 64 // ours: deeper than anybody nests, and cheap to check
	// maxSuffix is what may still follow an alias: the index of a version and the suffix of a split.
	maxSuffix = len("/999.crt")
)

// pathProblem says what keeps an alias from being a file's path within the volume, and is empty when nothing does.
// Paths with a `..` anywhere are refused, in the middle of a word too: the volume keeps its own entries under such
// names, and manifests that relied on more never worked.
func pathProblem(p string) string {
	switch {
	case p == "":
		return "file name must not be empty"
	case path.IsAbs(p):
		return "file name must be a relative path"
	case strings.Contains(p, ".."):
		return "file name must not contain '..'"
	case len(p) > maxPath-maxSuffix:
		return fmt.Sprintf("file name must not be longer than %d bytes", maxPath-maxSuffix)
	case p != path.Clean(p) || p == ".":
		return fmt.Sprintf("file name must be written without detours: %q", fault.Shorten(p))
	case strings.Count(p, "/") >= maxDepth:
		return fmt.Sprintf("file name must not be nested deeper than %d", maxDepth)
	case strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "file name must not contain control characters"
	}
	for element := range strings.SplitSeq(p, "/") {
		if len(element) > maxElement-len(".crt") {
			return fmt.Sprintf("file name must not have an element longer than %d bytes", maxElement-len(".crt"))
		}
	}
	return ""
}
