// Package registrar makes a CSI driver known to the kubelet of its node: it serves the registration protocol on a socket
// in the kubelet's directory plugins_registry, which a sidecar does elsewhere.
//
// The kubelet asks whoever owns a socket when the socket appears, and all of them when it starts itself. It does not
// always ask again after it refused a plugin, so the socket is made to appear anew until the driver is accepted. From then
// on it only has to be there: when somebody takes it away it is put back, and when somebody else's stands in its place and
// answers, that one is named and left alone.
package registrar

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
	"strongroom/internal/unixsock"
)

// Config is what a Registrar needs. Socket, Driver and Endpoint are required.
type Config struct {
	// Socket is where to be asked: <kubelet>/plugins_registry/<driver>-reg.sock, as this process sees it.
	Socket string
	// Driver is the driver's name.
	Driver string
	// Endpoint is the path of the CSI socket as the kubelet sees it, on the host. It must be served already: the kubelet
	// asks the driver for the node's name before it accepts it.
	Endpoint string
	// Version is the program's; it tells a successor that this is a Strongroom.
	Version string
	// Clock times everything. Nil means the machine's.
	Clock clock.Clock
	// Log hears of transitions. Nil is nowhere.
	Log *slog.Logger
}

const (
	// patience is how long the kubelet may take to ask once the socket has appeared, and then that many times as long to
	// decide: it asks the driver and writes to the cluster before it answers.
	patience = time.Minute
	deciding = 3
	// look is how often the socket is looked for.
	look = 10 * time.Second
	// Between a refusal and the next appearance.
	firstPause = 5 * time.Second
	mostPause  = 5 * time.Minute
)

// Registrar registers one driver. It may be run once.
type Registrar struct {
	Config
	registered atomic.Bool
	failures   int    // appearances in a row that came to nothing
	said       string // the latest trouble, which is told once
	begun      bool   // it has had a socket
}

// New makes a Registrar that is not registered.
func New(c Config) *Registrar {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Registrar{Config: c}
}

// Registered says whether the kubelet has accepted the driver and finds this socket still.
func (r *Registrar) Registered() bool { return r.registered.Load() }

// Run keeps the driver registered until ctx is done, which is no error. Then it removes its socket, which has the kubelet
// give the driver up, unless a successor's stands there.
func (r *Registrar) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		standing, err := r.appear(ctx)
		if err != nil {
			r.trouble(err)
			clock.Sleep(ctx, r.Clock, look)
			continue
		}
		r.said = ""
		for r.attend(ctx, standing) == renew {
			standing = r.again(standing)
		}
		r.registered.Store(false)
		standing.end()
	}
	return nil
}

// again makes the socket appear anew, in one step, so that the kubelet sees a new one and a client never none.
func (r *Registrar) again(standing *appearance) *appearance {
	next, err := r.bind(unixsock.Replace)
	if err != nil {
		r.trouble(err)
		return standing
	}
	standing.end()
	return next
}

// trouble tells what is in the way, once for as long as it is the same.
func (r *Registrar) trouble(err error) {
	text := fault.Explain(err)
	if text == r.said {
		return
	}
	r.said = text
	level := slog.LevelError
	if fault.KindOf(err) == fault.Busy {
		level = slog.LevelInfo // a roll
	}
	r.Log.LogAttrs(context.Background(), level, "this process is not registered with the kubelet", slog.String(logkey.Driver, r.Driver),
		slog.String(logkey.Path, r.Socket), slog.String(logkey.Error, text))
}

// reason is why attending an appearance ended.
type reason int

const (
	over  reason = iota // told to stop
	lost                // the socket is gone, or another's is there
	renew               // it is to appear anew
)

// attend hears what the kubelet says at an appearance.
func (r *Registrar) attend(ctx context.Context, a *appearance) reason {
	deadline := r.Clock.Now().Add(max(patience, r.pause()))
	for {
		wait := look
		if !deadline.IsZero() {
			wait = min(wait, max(0, deadline.Sub(r.Clock.Now())))
		}
		passed, stop := r.Clock.After(wait)
		select {
		case <-ctx.Done():
			stop()
			return over
		case word := <-a.words:
			stop()
			deadline = r.hear(word)
			continue
		case <-passed:
		}
		if !a.listener.Stands() {
			r.Log.Warn("the registration socket was taken away", slog.String(logkey.Path, r.Socket))
			return lost
		}
		if !deadline.IsZero() && !r.Clock.Now().Before(deadline) {
			r.overdue(a)
			return renew
		}
	}
}

// hear takes in a word of the kubelet's, and says by when the next is due; zero is that none is.
func (r *Registrar) hear(w word) (deadline time.Time) {
	now := r.Clock.Now()
	switch {
	case w.asked:
		return now.Add(deciding * patience)
	case w.accepted:
		r.failures, r.said = 0, ""
		r.registered.Store(true)
		r.Log.Info("the kubelet has registered the driver", slog.String(logkey.Driver, r.Driver), slog.String(logkey.Address, r.Endpoint))
		return time.Time{}
	}
	r.registered.Store(false)
	r.failures++
	r.trouble(fault.New(fault.Unavailable, r.Driver, "the kubelet refused it: %s", fault.Bound(w.refusal, 1<<10)).
		Mend("see that %s is the CSI socket's path on the host, and that no other driver of this name is on the node; it is tried again", r.Endpoint))
	return now.Add(r.pause())
}

// overdue notes that the kubelet said nothing. A refusal that was told is no silence.
func (r *Registrar) overdue(a *appearance) {
	if a.refused.Load() {
		return
	}
	r.failures++
	r.trouble(fault.New(fault.Unavailable, r.Driver, "the kubelet does not ask for it").
		Mend("see that %s is in the directory plugins_registry of this node's kubelet, and that the kubelet runs; it is tried again", r.Socket))
}

func (r *Registrar) pause() time.Duration { return clock.Backoff(r.failures, firstPause, mostPause) }
