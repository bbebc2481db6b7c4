package cli

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/azure/arm"
	"strongroom/internal/azure/armtoken"
	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/kube"
	"strongroom/internal/podid/match"
	"strongroom/internal/podid/mic"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
)

// serve is a replica: it answers for its health from the start, and works while it leads.
func (c *micConfig) serve(ctx context.Context, p Process) error {
	log := telemetry.NewLogger(p.Stderr, c.log.config())
	client, err := kube.New(kube.Config{
		Kubeconfig: c.Kubeconfig, UserAgent: "strongroom-mic/" + Version, Log: log, Clock: clock.Real{},
		CallsPerSecond: micCallsPerSecond, CallsAtOnce: 2 * micCallsPerSecond,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	settings := c.settings()
	own, err := settings()
	if err != nil {
		return err
	}
	ca, err := readOptional(c.CAFile, "--ca-file")
	if err != nil {
		return err
	}
	clients, err := transport.New(transport.Config{CA: ca, HTTPSProxy: c.HTTPSProxy, NoProxy: c.NoProxy})
	if err != nil {
		return err
	}
	defer clients.Close()
	metrics := telemetry.NewMetrics(Version)
	login := armtoken.New(armtoken.Config{
		Settings: settings, Clock: clock.Real{}, Observer: func(_ time.Duration, err error) { metrics.AzureRequest("entra", statusOf(err)) },
		Tokens: token.New(token.Config{HTTP: clients.Azure, Direct: clients.Direct, Clock: clock.Real{}, IMDS: c.IMDS, Version: Version, UserAgentSuffix: c.UserAgent}),
	})
	azure := arm.New(arm.Config{
		HTTP: clients.Azure, Endpoint: own.Cloud.ResourceManager, Token: login.Token, Refused: login.Refused,
		Clock: clock.Real{}, Version: Version, UserAgentSuffix: c.UserAgent,
	})
	replica := &micReplica{cfg: c, client: client, log: log, azure: azure, cluster: clusterIdentity(own), metrics: metrics.MIC()}
	metrics.WatchMIC(replica.stats)
	all := &services{}
	all.add(unbound{replica})
	all.add(settle(log))
	if c.HealthPort >= 0 {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /healthz", replica.health)
		all.addHTTP("health", port(c.HealthPort), mux)
	}
	if c.MetricsPort >= 0 {
		all.addHTTP("metrics", port(c.MetricsPort), telemetry.Mux("/metrics", metrics.Handler()))
	}
	return all.run(ctx, func(addresses []any) {
		log.Info("mic serving", append([]any{logkey.Version, Version, "identity", c.Instance, logkey.Lease, c.LeaseNamespace + "/" + c.LeaseName}, addresses...)...)
	})
}

// micCallsPerSecond bounds what MIC asks of the API server: a thousand pods that start together are assigned in seconds,
// and the server's own fairness does the rest.
const micCallsPerSecond = 200

// micReplica works while it leads. All it knows of the cluster is made anew each time.
type micReplica struct {
	cfg     *micConfig
	client  *kube.Client
	log     *slog.Logger
	azure   mic.Azure
	cluster string
	metrics *telemetry.MICMetrics
	leading atomic.Pointer[mic.MIC] // nil while it does not lead
}

// Run competes for the lease until ctx is done.
func (r *micReplica) Run(ctx context.Context) error {
	d := r.cfg.LeaseDuration
	lease := kube.Lease{
		Namespace: r.cfg.LeaseNamespace, Name: r.cfg.LeaseName, Identity: r.cfg.Instance,
		Duration: d, Renew: d * 2 / 3, Retry: d / 6,
	}
	return r.client.Lead(ctx, lease, r.lead)
}

// health is the original's: always 200, and the body says who works.
func (r *micReplica) health(w http.ResponseWriter, _ *http.Request) {
	if r.leading.Load() != nil {
		_, _ = w.Write([]byte("Active"))
		return
	}
	_, _ = w.Write([]byte("Not Active"))
}

func (r *micReplica) stats() (leads bool, s telemetry.MICState) {
	if m := r.leading.Load(); m != nil {
		return true, telemetry.MICState(m.Stats())
	}
	return false, telemetry.MICState{}
}

// lead does the leader's work until ctx is done.
func (r *micReplica) lead(ctx context.Context) error {
	pods, machines, assigned := r.client.BoundPods(), r.client.Machines(), r.client.AssignedIdentities("")
	identities, events := r.client.Identities(kube.Watched{Identities: true, Bindings: true}), r.client.Events("aadpodidentity.k8s.io")
	c := r.cfg
	m := mic.New(mic.Config{
		Pods: boundPods{pods}, Identities: identities, Machines: micMachines{machines}, Assigned: assigned,
		Writer: meteredWriter{assigned, r.metrics}, Azure: meteredAzure{r.azure, r.metrics},
		Store: r.client.Ledger(c.LeaseNamespace, micLedger), Statuses: r.client, Events: micEvents{events},
		Clock: clock.Real{}, Log: r.log, ForceNamespaced: c.Namespaced, Immutable: listed(c.Immutable), ClusterIdentity: r.cluster,
		Eager: c.Eager, AdoptAttached: c.Adopt, DetachDelay: c.delay(), Reconcile: c.Reconcile, Writes: c.Writes, Passed: r.metrics.Passed,
	})
	for _, tell := range []func(func()){pods.OnChange, machines.OnChange, identities.OnChange} {
		tell(m.Changed)
	}
	assigned.OnChange(func(string, string) { m.Changed() })
	r.metrics.Led()
	r.leading.Store(m)
	defer r.leading.Store(nil)
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{pods.Run, machines.Run, identities.Run, assigned.Run, events.Run, m.Run} {
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error {
		for clock.Sleep(ctx, clock.Real{}, c.SyncRetry) {
			m.Changed()
		}
		return nil
	})
	return group.Wait()
}

// boundPods are the cluster's pods as MIC wants them.
type boundPods struct{ *kube.BoundPods }

func (b boundPods) List() []*match.Pod {
	all := b.BoundPods.List()
	list := make([]*match.Pod, len(all))
	for i, p := range all {
		list[i] = (*match.Pod)(p)
	}
	return list
}

// micMachines are the cluster's nodes as MIC wants them.
type micMachines struct{ *kube.Machines }

func (k micMachines) List() []mic.Machine {
	all := k.Machines.List()
	list := make([]mic.Machine, len(all))
	for i, one := range all {
		list[i] = mic.Machine(one)
	}
	return list
}

// micEvents tells what MIC has to say.
type micEvents struct{ *kube.Events }

func (e micEvents) Event(about mic.About, warning bool, reason, message string) {
	e.Events.Event(kube.About(about), warning, reason, message)
}
