package volume

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// naming is what a system makes of file names.
type naming struct {
	// problem says what keeps a path from being a file's own; empty is nothing.
	problem func(path string) string
	// fold is equal for two paths where the system takes them for one.
	fold func(path string) string
}

// ownNames are the names of the system this program was built for.
var ownNames = namesOf(runtime.GOOS)

func namesOf(system string) naming {
	if system == "windows" {
		return naming{windowsProblem, func(path string) string { return strings.ToLower(strings.ToUpper(path)) }}
	}
	exact := naming{func(string) string { return "" }, func(path string) string { return path }}
	if system != "linux" {
		exact.problem = func(path string) string {
			if strings.Contains(path, `\`) {
				return fmt.Sprintf("invalid filepath: %q", path)
			}
			return ""
		}
	}
	return exact
}

// windowsProblem refuses what Windows would take for something else than a file of that name in that directory: another
// separator, a drive, a file's second stream, a device, a name it shortens by itself.
func windowsProblem(file string) string {
	if at := strings.IndexFunc(file, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>:"\|?*`, r) }); at >= 0 {
		return fmt.Sprintf("invalid filepath: %q: Windows has no names with %q", file, file[at])
	}
	for element := range strings.SplitSeq(file, "/") {
		switch {
		case strings.HasSuffix(element, ".") || strings.HasSuffix(element, " "):
			return fmt.Sprintf("invalid filepath: %q: Windows has no names that end in a dot or a space", file)
		case isDevice(element):
			return fmt.Sprintf("invalid filepath: %q: Windows keeps the name %q for a device", file, element)
		}
	}
	return ""
}

// isDevice knows the names that older Windows take for devices in every directory and with every ending, whatever the one
// that runs makes of them.
func isDevice(element string) bool {
	base, _, _ := strings.Cut(element, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	for _, kind := range []string{"COM", "LPT"} {
		if number, ok := strings.CutPrefix(base, kind); ok && len([]rune(number)) == 1 && strings.Contains("0123456789¹²³", number) {
			return true
		}
	}
	return false
}

// collides says whether the system takes the path, or a directory of it, for one that is spelled otherwise; empty is no. It
// notes how they are spelled.
func (n naming) collides(spelled map[string]string, file string) string {
	for at := file; at != "."; at = path.Dir(at) {
		key := n.fold(at)
		if other, there := spelled[key]; there && other != at {
			return fmt.Sprintf("%q differs from %q only by capital letters, which are one name here", at, other)
		}
		spelled[key] = at
	}
	return ""
}
