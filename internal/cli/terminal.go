package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal says whether a person may be watching.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
