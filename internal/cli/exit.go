package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"strongroom/internal/fault"
)

const (
	exitUsage       = 2
	exitInterrupted = 130 // as shells count a SIGINT
)

// exitCodes gives each kind of failure an exit code of its own, for scripts. They are part of the command's contract.
var exitCodes = map[fault.Kind]int{
	fault.Internal: 1, fault.Invalid: 3, fault.NotFound: 4, fault.Denied: 5, fault.Expired: 6,
	fault.Throttled: 7, fault.Unavailable: 8, fault.Busy: 9, fault.Unsupported: 10,
}

// errUsage marks an error in the command line itself.
type errUsage struct{ error }

// errTold ends with an exit code and without a word: everything has been said.
type errTold struct{ code int }

func (e errTold) Error() string { return "" }

// finish tells the person what went wrong, one problem a line with its remedy below, and chooses the exit code. Servers
// end an interruption without an error; for a command that was to do something, an interruption is no success.
func finish(ctx context.Context, w io.Writer, name string, err error) int {
	var use errUsage
	var told errTold
	switch {
	case errors.As(err, &told):
		return told.code
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &use):
		fmt.Fprintf(w, "strongroom %s: %v; see strongroom %s -h\n", name, use.error, name)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(w, "strongroom %s: interrupted\n", name)
		return exitInterrupted
	}
	for _, problem := range each(err) {
		fmt.Fprintf(w, "strongroom %s: %s\n", name, strings.TrimSpace(problem.Error()))
		for _, remedy := range fault.Remedies(problem) {
			fmt.Fprintf(w, "  to mend: %s\n", remedy)
		}
	}
	return exitCodes[fault.KindOf(err)]
}

// each takes a list of problems apart, so that each gets its own line.
func each(err error) []error {
	var list fault.List
	if !errors.As(err, &list) {
		return []error{err}
	}
	return list.Unwrap()
}
