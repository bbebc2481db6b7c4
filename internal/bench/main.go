// Bench measures the provider as a node runs it: the real binary in a process of its own, asked over its plugin socket,
// with an emulator whose every answer takes 20 ms. It prints one table of calls, round trips and memory beside the
// least that physics allows, for docs/performance.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"strongroom/internal/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", fault.Explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
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
	fmt.Printf("%-44s %8s %8s %12s %12s   %s\n", "case (medians)", "calls", "floor", "round trips", "floor", "MiB resident, peak")
	return during(ctx, func(ctx context.Context, azure *azure) error {
		for _, c := range cases {
			if err := c.measure(ctx, azure, binary, dir); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return measureStart(ctx, azure, binary, dir)
	})
}
