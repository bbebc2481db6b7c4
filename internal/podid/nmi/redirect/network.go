package redirect

import (
	"io/fs"
	"os"
	"slices"
	"strings"
)

// OwnNetwork says that this process is in a network of its own, and not in that of the node whose files are under a root:
// rules made here would lead nobody, and pods would reach the node's identities. The interfaces tell it; where those of
// the node cannot be read nothing is claimed.
func OwnNetwork(root string) bool { return ownNetwork(os.DirFS("/"), os.DirFS(root+"/")) }

func ownNetwork(here, node fs.FS) bool {
	mine, others := interfaces(here, "proc/self/net/dev"), interfaces(node, "proc/1/net/dev")
	return len(mine) > 0 && len(others) > 0 && !slices.Equal(mine, others)
}

// interfaces are the names in the kernel's table of them, sorted.
func interfaces(root fs.FS, table string) (names []string) {
	text, _ := fs.ReadFile(root, table) // none is told as such
	for line := range strings.Lines(string(text)) {
		if name, _, counted := strings.Cut(line, ":"); counted {
			names = append(names, strings.TrimSpace(name))
		}
	}
	slices.Sort(names)
	return names
}
