// Package redirect leads what pods send to the instance metadata address to NMI instead, by rules in the node's network.
//
// The rules are those of AAD Pod Identity: a chain "aad-metadata" in the table nat, first in PREROUTING, with one rule that
// leads TCP for the metadata address to NMI and one that returns. So each takes over the other's, and every tool that looks
// for the chain finds it. They are put in place by the node's own iptables: there are two kinds of rules in a kernel, and
// only the node's programs know which one its other rules are of.
//
// What stands is never flushed while pods use it: a table is changed in one commit, from one complete state to the next.
// And the rules outlive the process, so that pods reach nobody while NMI is down, rather than the node's identities.
package redirect

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// Config says what is led where. Metadata, Target, Log and Clock are required.
type Config struct {
	Metadata netip.AddrPort // what pods call: 169.254.169.254:80
	Target   netip.AddrPort // where NMI listens: 127.0.0.1:2579; 0.0.0.0 stands for 127.0.0.1
	// HostRoot is where the node's own files are: "" for a program of the node itself, "/host" in a container. The tools
	// are run with that directory as their root.
	HostRoot string
	Every    time.Duration // how often what stands is looked at; 0 is a minute
	// Conntrack drops what the kernel remembers of connections to the metadata address that were open before the rules
	// stood, so that the rules rule them too.
	Conntrack bool
	Log       *slog.Logger
	Clock     clock.Clock
	// Exec runs a program of the node with an input and gives its output; nil runs it in HostRoot. A program that ended
	// with another code than 0 is an *Exit.
	Exec func(ctx context.Context, path string, args []string, input string) (output string, err error)
}

// Redirect is the way of one address to another. Use New.
type Redirect struct {
	config    Config
	family    family
	tools     tools
	conntrack string // path of the tool; empty when the node has none

	mu       sync.Mutex // one change at a time; it guards what follows
	chosen   *tool      // nil until the kind of rules is known
	open     bool       // connections from before the rules may be open
	stood    bool       // the rules have stood in this process's time
	standing atomic.Bool
}

// usualEvery is how often the original looks.
const usualEvery = time.Minute

// New looks which tools the node has, and runs none. A node without iptables is an Unsupported fault, an impossible pair
// of addresses an Invalid one.
func New(config Config) (*Redirect, error) {
	family, err := familyOf(&config)
	if err != nil {
		return nil, err
	}
	if config.Every <= 0 {
		config.Every = usualEvery
	}
	if config.Exec == nil {
		config.Exec = host{root: config.HostRoot}.exec
	}
	there := programs(os.DirFS(config.HostRoot + "/"))
	r := &Redirect{config: config, family: family, tools: findTools(there, family.program), conntrack: there["conntrack"]}
	if r.tools.none() {
		return nil, fault.New(fault.Unsupported, family.program, "the node has none in %s", places).
			Mend("install iptables on the node; in a container, mount the node's / at /host and set the host root to it")
	}
	return r, nil
}

// Standing says whether the rules stood when they were last looked at. It is false before the first look and after Remove.
func (r *Redirect) Standing() bool { return r.standing.Load() }

// Ensure puts in place what is missing, and writes nothing when nothing is. The rules come first: what else may fail, from
// there on no pod reaches the metadata service itself. Then it is made possible that they lead to a loopback address.
func (r *Redirect) Ensure(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.ensure(ctx)
	r.standing.Store(err == nil)
	return err
}

func (r *Redirect) ensure(ctx context.Context) error {
	if err := r.choose(ctx); err != nil {
		return err
	}
	if err := r.ensureRules(ctx); err != nil {
		return err
	}
	if r.family.localnet {
		if err := r.ensureLocalnet(ctx); err != nil {
			return err
		}
	}
	r.reconsider(ctx)
	return nil
}

// ensureRules leads the metadata address to NMI.
func (r *Redirect) ensureRules(ctx context.Context) error {
	changed, err := r.settle(ctx, func(ctx context.Context) (string, error) {
		have, err := r.rules(ctx)
		return r.family.planRules(have), err
	})
	if err != nil {
		return err
	}
	switch {
	case changed && r.stood:
		r.config.Log.Warn("the rules that lead pods to NMI had been changed and are repaired")
	case changed:
		r.config.Log.Info("pods' calls of the metadata address are led to NMI")
	case !r.stood:
		r.config.Log.Info("pods' calls of the metadata address are led to NMI already")
	}
	r.stood, r.open = true, r.open || changed
	return nil
}
