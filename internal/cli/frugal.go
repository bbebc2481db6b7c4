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

// frugal sets the collector for a process that serves on every node, unless its operator has set GOGC.
func frugal(p Process) {
	if p.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// settle gives back what only the start of such a process needed.
func settle(log *slog.Logger) service {
	return unbound{resident.Settling{Clock: clock.Real{}, Log: log}}
}
