// Fuzz runs the fuzz targets of the product's module: ask puts the same questions to each of them every time, explore
// lets Go's engine look for new ones by chance, and keep puts what that found into the tree, for ask to start from.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `fuzz ask     [-inputs N] [-seed N] [ROOM...]   the kept inputs and N mutations of them, the same ones each time
fuzz explore [-inputs N] [ROOM...]             Go's own engine, whose questions no two runs share
fuzz keep    [ROOM...]                         a choice of what explore found, into testdata/corpus
`

// config is what the command line says.
type config struct {
	root   string // of the product's module
	inputs int    // for each target, before its share
	seed   uint64 // of the mutations
	gotool string

	// patience is how long one batch of inputs may take: about a hundred times what it does take.
	patience time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	verbs := map[string]func(context.Context, config, []target) error{"ask": ask, "explore": explore, "keep": keep}
	if len(args) == 0 || verbs[args[0]] == nil {
		return fmt.Errorf("what to do?\n%s", usage)
	}
	cfg := config{gotool: "go", patience: 3 * time.Minute}
	if os.Getenv("GO") != "" {
		cfg.gotool = os.Getenv("GO")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	flags.StringVar(&cfg.root, "root", "..", "`directory` of the product's module")
	flags.IntVar(&cfg.inputs, "inputs", 10_000, "how many `inputs` each target gets; one under a line //fuzz:share N gets the Nth part")
	flags.Uint64Var(&cfg.seed, "seed", 1, "another `number` asks other questions")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if cfg.inputs < 1 {
		return fmt.Errorf("-inputs %d: at least one", cfg.inputs)
	}
	targets, err := find(cfg.root, flags.Args())
	if err != nil {
		return err
	}
	return verbs[args[0]](ctx, cfg, targets)
}
