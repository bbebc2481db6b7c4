// Package incumbent finds out who serves a driver's place on a node already, and keeps two drivers from serving one name.
//
// A kubelet knows one driver by a name. If a second one took the first one's socket, the first would go on believing that
// it serves, its owner (an add-on, a Helm release) would put it back, and pods would be served by whoever came last. So a
// foreign driver is never pushed aside: it is named, loudly, with the steps that remove it, until it is gone.
//
// Our own predecessor in a roll is waited for a while and then succeeded. That is safe: the kubelet dials anew for every
// call and so comes to whoever stands at the path; the predecessor finishes the calls it has, removes no socket but its
// own, and a volume lets only one process in at a time.
package incumbent

import (
	"context"
	"log/slog"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
	"strongroom/internal/unixsock"
)

// Mark is what Strongroom tells itself apart by: the key of its version in the manifest that GetPluginInfo gives.
const Mark = "strongroom"

// Config says whose place is taken. Socket and Driver are required.
type Config struct {
	// Socket is the path of the CSI socket.
	Socket string
	// Driver is the name this driver is to have.
	Driver string
	// Patience is how long a predecessor of our own is waited for; 0 means 15 s, which is longer than its grace.
	Patience time.Duration
	// Retry is how long to wait before looking again; 0 means 1 s.
	Retry time.Duration
	// Clock times both. Nil means the machine's.
	Clock clock.Clock
	// Log hears of each new finding once. Nil is nowhere.
	Log *slog.Logger
}

// Wait returns when the place may be taken, and then with nil. Nobody need be there; whoever is, is waited for, see the
// package. Its only error is the context's.
func Wait(ctx context.Context, c Config) error {
	c = c.withDefaults()
	began := c.Clock.Now()
	said := ""
	for {
		err := Check(ctx, c.Socket, c.Driver)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			if said != "" {
				c.Log.Info("the driver's place is free", slog.String(logkey.Path, c.Socket))
			}
			return nil
		case err.Kind == fault.Busy && c.Clock.Now().Sub(began) >= c.Patience:
			c.Log.Info("an earlier instance of this driver is still there; its place is taken now", slog.String(logkey.Path, c.Socket))
			return nil
		case err.Error() != said:
			said = err.Error()
			c.say(err)
		}
		if !clock.Sleep(ctx, c.Clock, c.Retry) {
			return ctx.Err()
		}
	}
}

func (c Config) say(err *fault.Error) {
	level, message := slog.LevelError, "the driver does not serve while another program holds its place"
	if err.Kind == fault.Busy {
		level, message = slog.LevelInfo, "waiting for an earlier instance of this driver to end"
	}
	c.Log.LogAttrs(context.Background(), level, message, slog.String(logkey.Path, c.Socket),
		slog.String(logkey.Kind, err.Kind.String()), slog.String(logkey.Error, fault.Explain(err)))
}

// Check says who holds a driver's place: nil when nobody does, Busy when it is a Strongroom of that name, which will go or
// may be succeeded, and Denied with the steps to take when it is anybody else.
func Check(ctx context.Context, socket, driver string) *fault.Error {
	if !unixsock.Answers(socket) {
		return nil
	}
	who, err := ask(ctx, socket)
	switch {
	case err != nil:
		return fault.Wrap(err, fault.Denied, socket, "a program listens here and does not say who it is").
			Mend("find it on the node with: ss -xlp | grep %s ; end it, or give this driver another path", socket)
	case who.strongroom != "" && who.driver == driver:
		return fault.New(fault.Busy, socket, "is served by Strongroom %s", who.strongroom)
	case who.driver == driver:
		return fault.New(fault.Denied, socket, "is served by another program as driver %s, version %s; two cannot serve one name", fault.Shorten(who.driver), fault.Shorten(who.version)).
			Mend("%s", Removal)
	}
	return fault.New(fault.Denied, socket, "is served by driver %s, version %s", fault.Shorten(who.driver), fault.Shorten(who.version)).
		Mend("give one of the two drivers another plugin directory")
}

func (c Config) withDefaults() Config {
	if c.Patience <= 0 {
		c.Patience = 15 * time.Second
	}
	if c.Retry <= 0 {
		c.Retry = time.Second
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
