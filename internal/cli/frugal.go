package cli

import (
	"log/slog"
	"runtime/debug"

	"strongroom/internal/clock"
	"strongroom/internal/resident"
)

// gcPercent trades a little processor time, of which a node's agents have plenty to spare between mounts, for memory,
// which every node pays for all day: with Go's default of 100 the same burst of mounts leaves a third more resident
// (docs/performance.md).
const gcPercent = 25

// nmiGCPercent is NMI's: its heap is so small that with gcPercent it would be collected every hundred requests, which
// takes more of the processor than the requests do, while three times that percentage is 2 MiB.
const nmiGCPercent = 75

// frugal sets the collector for a process that serves on every node, unless its operator has set GOGC.
func frugal(p Process) { collect(p, gcPercent) }

// collect sets the collector, unless the operator has set GOGC.
func collect(p Process, percent int) {
	if p.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// settle gives back what only the start of such a process needed.
func settle(log *slog.Logger) service {
	return unbound{resident.Settling{Clock: clock.Real{}, Log: log}}
}
