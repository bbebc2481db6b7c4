package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/kube"
	"strongroom/internal/podid/match"
	"strongroom/internal/podid/nmi"
	"strongroom/internal/podid/nmi/redirect"
	"strongroom/internal/share"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
)

// rules are those that lead pods here; nil where they are not wanted.
func (c *nmiConfig) rules(log *slog.Logger) (*redirect.Redirect, error) {
	if !c.Redirect {
		return nil, nil
	}
	metadata, err := netip.ParseAddrPort(net.JoinHostPort(c.MetadataIP, strconv.Itoa(c.MetadataPort)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--metadata-ip", "is not an address with a port")
	}
	target, err := netip.ParseAddrPort(net.JoinHostPort(c.Listen, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--nmi-listen-address", "is not an address with a port")
	}
	return redirect.New(redirect.Config{
		Metadata: metadata, Target: target, HostRoot: c.HostRoot, Every: time.Duration(c.RulesSecs) * time.Second,
		Conntrack: c.Conntrack, Log: log, Clock: clock.Real{},
	})
}

// serve binds its addresses, then has the rules lead pods there, and knows the cluster last: meanwhile it answers that it
// is not ready, and pods reach nobody rather than the node's identities.
func (c *nmiConfig) serve(ctx context.Context, p Process, rules *redirect.Redirect) error {
	log := telemetry.NewLogger(p.Stderr, c.log.config())
	if err := c.safeNetwork(); err != nil {
		return err
	}
	client, err := kube.New(kube.Config{Kubeconfig: c.Kubeconfig, UserAgent: "strongroom-nmi/" + Version, Log: log, Clock: clock.Real{}})
	if err != nil {
		return err
	}
	defer client.Close()
	ca, err := readOptional(c.CAFile, "--ca-file")
	if err != nil {
		return err
	}
	clients, err := transport.New(transport.Config{CA: ca, HTTPSProxy: p.Getenv("HTTPS_PROXY"), NoProxy: p.Getenv("NO_PROXY")})
	if err != nil {
		return err
	}
	defer clients.Close()
	all := &services{}
	metrics := telemetry.NewMetrics(Version)
	server, err := nmi.New(c.server(all, client, clients, rules, metrics, log))
	if err != nil {
		return err
	}
	all.add(server)
	all.add(settle(log))
	if rules != nil {
		all.add(unbound{leading{c, client, rules, log}})
	}
	if c.HealthPort >= 0 {
		mux := http.NewServeMux()
		mux.Handle("GET /healthz", server.Health())
		mux.Handle("GET /readyz", telemetry.Health(0, telemetry.Check{Name: "rules", Run: func(context.Context) error { return standing(rules) }}))
		all.addHTTP("health", port(c.HealthPort), mux)
	}
	if c.MetricsPort >= 0 {
		all.addHTTP("metrics", port(c.MetricsPort), telemetry.Mux("/metrics", metrics.Handler()))
	}
	return all.run(ctx, func(addresses []any) {
		own := strings.Join(server.Addresses(), " ")
		log.Info("nmi serving", append([]any{logkey.Version, Version, logkey.Node, c.Node, "mode", c.Mode, logkey.Address, own}, addresses...)...)
	})
}

// server is the daemon's own configuration; what it watches is added to all.
func (c *nmiConfig) server(all *services, client *kube.Client, clients *transport.Clients, rules *redirect.Redirect, metrics *telemetry.Metrics, log *slog.Logger) nmi.Config {
	metadata := c.metadata()
	pool := share.New(share.Config{Clock: clock.Real{}, PerVault: map[string]int{nmi.IMDS: 5}})
	all.add(unbound{pool})
	pods := client.LocalPods(c.Node)
	all.add(unbound{pods})
	config := nmi.Config{
		Node: c.Node, Listen: c.addresses(), Pods: localPods{pods}, ForceNamespaced: c.Namespaced, Secrets: credentials{client.Secrets()},
		Tokens: token.New(token.Config{HTTP: clients.Azure, Direct: clients.Direct, Clock: clock.Real{}, IMDS: metadata, Version: Version, UserAgentSuffix: c.UserAgent}),
		Pool:   pool, Direct: clients.Direct, Metadata: metadata,
		AllowInstanceMetadata: !c.Block, WithoutHeader: !c.HeaderNeeded, Refused: listed(c.Refuse), Authorities: listed(c.Authorities),
		Retry:           nmi.Retry{Created: c.Created, Assigned: c.Assigned, Interval: c.interval()},
		EarlyRetryAfter: c.EarlyRetry, Standing: func() bool { return standing(rules) == nil },
		Meter: metrics, Clock: clock.Real{}, Log: log,
	}
	identities := client.Identities(kube.Watched{Identities: true, Bindings: true, Exceptions: true})
	all.add(unbound{identities})
	config.Exceptions = c.exceptions(knownIdentities{identities})
	config.Bindings = knownIdentities{identities} // in standard mode only to name at once what is missing
	if c.Mode == "managed" {
		return config
	}
	assigned := client.AssignedIdentities(match.NodeLabel(c.Node))
	all.add(unbound{assigned})
	config.Assigned = knownAssigned{assigned}
	return config
}

// metadata is the service's address as NMI itself asks it. The port that http means anyway is left away, as clients do.
func (c *nmiConfig) metadata() string {
	return "http://" + strings.TrimSuffix(net.JoinHostPort(c.MetadataIP, strconv.Itoa(c.MetadataPort)), ":80")
}

// standing is why pods' requests are not led here.
func standing(rules *redirect.Redirect) error {
	if rules != nil && !rules.Standing() {
		return errors.New("the rules that lead pods here are not in place")
	}
	return nil
}

// leading keeps the rules while NMI runs, and takes them away when NMI leaves the node for good.
type leading struct {
	cfg    *nmiConfig
	client *kube.Client
	rules  *redirect.Redirect
	log    *slog.Logger
}

// Run ends with ctx. A successor finds the rules, and until it serves pods reach nobody; where there will be none, they
// reach the metadata service again.
func (l leading) Run(ctx context.Context) error {
	namespace, name, known := strings.Cut(l.cfg.DaemonSet, "/")
	if !known {
		return l.rules.Run(ctx)
	}
	own := l.client.DaemonSet(namespace, name)
	watched := make(chan error, 1)
	go func() { watched <- own.Run(ctx) }()
	err := l.rules.Run(ctx)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	stands, unknown := own.Stands(ending)
	switch {
	case unknown != nil:
		l.log.Warn("the rules stay: whether this was an uninstall cannot be told; strongroom nmi --cleanup removes them", logkey.Error, fault.Explain(unknown))
	case !stands:
		err = errors.Join(err, l.rules.Remove(ending))
		l.log.Info("the rules are gone with the DaemonSet")
	}
	return errors.Join(err, <-watched)
}
