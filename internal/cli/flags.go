package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// ignored begins the description of every flag that is taken so that others' manifests start, and does nothing.
const ignored = "accepted for compatibility"

// flags makes a flag set that never exits and prints nothing by itself but the help that was asked for.
func flags(p Process, name, synopsis string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	for _, arg := range p.Args {
		if arg == "--" {
			break
		}
		if arg == "-h" || arg == "-help" || arg == "--help" {
			set.Usage = func() { help(p.Stdout, set, synopsis) }
		}
	}
	return set
}

// help lists the flags, one a line, and those without effect together at the end.
func help(w io.Writer, set *flag.FlagSet, synopsis string) {
	fmt.Fprintf(w, "Usage: strongroom %s\n", synopsis)
	var without []string
	set.VisitAll(func(f *flag.Flag) {
		if strings.HasPrefix(f.Usage, ignored) {
			without = append(without, dashed(f.Name))
			return
		}
		kind, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "\n  %s\n      %s%s\n", strings.TrimSpace(dashed(f.Name)+" "+kind), usage, defaultOf(f))
	})
	if len(without) > 0 {
		fmt.Fprintf(w, "\nTaken for the sake of existing manifests, without effect:\n  %s\n", strings.Join(without, " "))
	}
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func defaultOf(f *flag.Flag) string {
	switch f.DefValue {
	case "", "0", "0s", "false":
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// parse reads the arguments into set; anything but a clean parse is a usage error or flag.ErrHelp.
func parse(set *flag.FlagSet, p Process, positional bool) error {
	if err := set.Parse(p.Args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage{err}
	}
	if !positional && set.NArg() > 0 {
		return errUsage{fmt.Errorf("unexpected argument %q", set.Arg(0))}
	}
	return nil
}

// begin reads the command line of a program that serves until it is told to end, answers --version, and finds what could
// only fail later. goOn is false when there is nothing left to do.
func begin(set *flag.FlagSet, p Process, version *bool, check func() error) (goOn bool, err error) {
	if err := parse(set, p, false); err != nil {
		return false, err
	}
	if *version {
		return false, printVersion(p)
	}
	return true, check()
}
