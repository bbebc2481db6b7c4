// Package resident keeps small what a process that runs on every node holds in memory.
//
// Much of what such a process has resident after its start it will never touch again: pages of the binary with the
// initialisers of every package, with the code that reads flags and makes clients, with the tables that were read once.
// And a burst of mounts leaves free memory behind that Go's runtime gives back only slowly. Both are given back here,
// when the work that needed them is over.
package resident

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// settled is how long after the beginning a process has done what it does only once: lists are read, connections open.
const settled = 20 * time.Second

// Settling gives memory back once the start is over. Clock and Log are required.
type Settling struct {
	Clock clock.Clock
	Log   *slog.Logger
}

// Run waits for the start to be over, gives back what it needed, and returns; or ends with ctx. The error is always nil:
// a process that cannot give memory back serves no worse.
func (s Settling) Run(ctx context.Context) error {
	if !clock.Sleep(ctx, s.Clock, settled) {
		return nil
	}
	debug.FreeOSMemory()
	if err := dropFilePages(); err != nil {
		s.Log.Debug("memory of the start is kept", logkey.Error, fault.Explain(err))
	}
	return nil
}
