// Bench measures the provider as a node runs it: the real binary in a process of its own, asked over its plugin socket,
// with an emulator whose every answer takes 20 ms. It prints one table of calls, round trips and memory beside the
// least that physics allows, for docs/performance.md. Then it measures pod identity: MIC's and NMI's own processes,
// beside an API server in memory and an emulator whose updates of machines take 10 s. The argument provider or
// pod-identity measures that alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"strongroom/internal/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	which := ""
	if len(os.Args) > 1 {
		which = os.Args[1]
	}
	do := run
	switch which {
	case askerCommand:
		do = ask
	case bareCommand:
		do = bare
	}
	if err := do(ctx, which); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", fault.Explain(err))
		os.Exit(1)
	}
}

// run measures what is asked for; everything, when that is nothing.
func run(ctx context.Context, which string) error {
	dir, err := os.MkdirTemp("", "strongroom-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, size, err := build(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Printf("binary %.1f MiB, every answer of Azure takes %s\n\n", float64(size)/(1<<20), latency)
	if which != "pod-identity" {
		if err := measureProvider(ctx, binary, dir); err != nil {
			return err
		}
	}
	if which != "provider" {
		return measurePodIdentity(ctx, binary, dir)
	}
	return nil
}

func measureProvider(ctx context.Context, binary, dir string) error {
	fmt.Printf("%-44s %8s %8s %12s %12s   %s\n", "case (medians)", "calls", "floor", "round trips", "floor", "MiB resident, peak")
	return during(ctx, stateOf(50), slow(), func(ctx context.Context, azure *azure) error {
		for _, c := range cases {
			if err := c.measure(ctx, azure, binary, dir); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return errors.Join(measureStart(ctx, azure, binary, dir), measureFlexVolume(ctx, azure, binary, dir))
	})
}
