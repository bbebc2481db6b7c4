package cli

import (
	"cmp"
	"context"
	"flag"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/clock"
	"strongroom/internal/controller"
	"strongroom/internal/fault"
	"strongroom/internal/kube"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
)

// controllerName is the lease's name, and the component whose events people see.
const controllerName = "strongroom-controller"

// controllerConfig is the controller's command line.
type controllerConfig struct {
	Kubeconfig     string
	LeaseNamespace string
	LeaseName      string
	RemoveTaint    bool
	RemoveNMITaint bool
	NMINamespace   string
	NMISelector    string
	CloudName      string
	Split          bool
	MetricsAddr    string
	HealthAddr     string
	ShowVersion    bool
	Identity       string
	log            logFlags
}

func controllerFlags(set *flag.FlagSet, p Process) *controllerConfig {
	c := &controllerConfig{log: addLogFlags(set)}
	set.StringVar(&c.Kubeconfig, "kubeconfig", "", "`file` that says where the cluster is; empty is the one this pod runs in")
	set.StringVar(&c.LeaseNamespace, "lease-namespace", cmp.Or(p.Getenv("POD_NAMESPACE"), "kube-system"), "`namespace` of the lease that makes one replica the leader")
	set.StringVar(&c.LeaseName, "lease-name", controllerName, "`name` of that lease")
	set.BoolVar(&c.RemoveTaint, "remove-startup-taint", false, "take the taint "+controller.StartupTaint+" off nodes whose driver is there")
	set.BoolVar(&c.RemoveNMITaint, "remove-pod-identity-taint", false, "take the taint "+controller.PodIdentityTaint+" off nodes whose NMI is ready")
	set.StringVar(&c.NMINamespace, "nmi-namespace", p.Getenv("POD_NAMESPACE"), "`namespace` of NMI's pods, for that; empty is the lease's")
	set.StringVar(&c.NMISelector, "nmi-selector", "component=nmi", "label `selector` of NMI's pods")
	set.StringVar(&c.CloudName, "cloud-name", cloud.Public, "`cloud` of classes that name none, as the provider's flag of this name; AzureStackCloud where that has --cloud-file")
	set.BoolVar(&c.Split, "write-cert-and-key-in-separate-files", false, "judge file names as the provider's flag of this name makes them")
	set.StringVar(&c.MetricsAddr, "metrics-addr", ":8095", "`address` of /metrics; empty serves none")
	set.StringVar(&c.HealthAddr, "health-addr", ":9808", "`address` of /healthz and /readyz; empty serves none")
	set.BoolVar(&c.ShowVersion, "version", false, "print the version and exit")
	c.Identity = p.Getenv("POD_NAME")
	return c
}

func runController(ctx context.Context, p Process) error {
	set := flags(p, "controller", "controller [flags]")
	c := controllerFlags(set, p)
	if goOn, err := begin(set, p, &c.ShowVersion, c.check); !goOn || err != nil {
		return err
	}
	frugal(p)
	return c.serve(ctx, p)
}

// check finds what could only fail later, and names this replica.
func (c *controllerConfig) check() error {
	if _, known := cloud.Canonical(c.CloudName); !known {
		_, err := cloud.Named(c.CloudName)
		return fault.Wrap(err, fault.Invalid, "--cloud-name", "is not valid").Mend("--cloud-name %s", cloud.Public)
	}
	var err error
	c.Identity, err = replicaName(c.Identity)
	return err
}

// replicaName is how people know one of several processes: what is set, else the machine's name.
func replicaName(set string) (string, error) {
	if set != "" {
		return set, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "POD_NAME", "is not set, and this machine has no name").Mend("set POD_NAME to the pod's name")
	}
	return host, nil
}

// serve is a replica: it answers for its health from the start, and works while it leads.
func (c *controllerConfig) serve(ctx context.Context, p Process) error {
	log := telemetry.NewLogger(p.Stderr, c.log.config())
	client, err := kube.New(kube.Config{Kubeconfig: c.Kubeconfig, UserAgent: controllerName + "/" + Version, Log: log, Clock: clock.Real{}})
	if err != nil {
		return err
	}
	defer client.Close()
	replica := &replica{cfg: c, client: client, log: log}
	metrics := telemetry.NewMetrics(Version)
	metrics.WatchController(replica.leads, replica.classes)
	all := &services{}
	all.add(unbound{replica})
	all.add(settle(log))
	if c.MetricsAddr != "" {
		all.addHTTP("metrics", c.MetricsAddr, telemetry.Mux("/metrics", metrics.Handler()))
	}
	if c.HealthAddr != "" {
		// Health is the replica's own being there: one that waits to lead is well, and an API server is not healed by a restart.
		all.addProbes(c.HealthAddr, nil)
	}
	return all.run(ctx, func(addresses []any) {
		log.Info("controller serving", append([]any{logkey.Version, Version, "identity", c.Identity, "lease", c.LeaseNamespace + "/" + c.LeaseName}, addresses...)...)
	})
}

// replica works while it leads. All it knows is made anew each time.
type replica struct {
	cfg      *controllerConfig
	client   *kube.Client
	log      *slog.Logger
	findings atomic.Pointer[controller.Findings] // nil while it does not lead
}

// Run competes for the lease until ctx is done.
func (r *replica) Run(ctx context.Context) error {
	// Nobody's pod waits for a verdict on a class, so the lease is renewed seldom: each renewal is a write to the API.
	lease := kube.Lease{
		Namespace: r.cfg.LeaseNamespace, Name: r.cfg.LeaseName, Identity: r.cfg.Identity,
		Duration: 30 * time.Second, Renew: 20 * time.Second, Retry: 5 * time.Second,
	}
	return r.client.Lead(ctx, lease, r.lead)
}

func (r *replica) leads() bool { return r.findings.Load() != nil }

func (r *replica) classes() (accepted, rejected int) {
	if findings := r.findings.Load(); findings != nil {
		return findings.Counts()
	}
	return 0, 0
}

// lead does the leader's work until ctx is done.
func (r *replica) lead(ctx context.Context) error {
	classes, events := r.client.Classes().WithStatus(), r.client.Events(controllerName)
	findings := controller.NewFindings(controller.Config{
		Classes: classes, Reporter: reporter{r.client, events}, Clock: clock.Real{}, Log: r.log,
		Decoders: map[string]controller.Decoder{providerName: azureDecoder{r.cfg.CloudName, r.cfg.Split}},
	})
	classes.OnChange(func(c kube.ClassChange) { findings.Changed(c.Namespace, c.Name, c.Class) })
	r.findings.Store(findings)
	defer r.findings.Store(nil)
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{classes.Run, events.Run, findings.Run} {
		group.Go(func() error { return run(ctx) })
	}
	for _, run := range r.taints() {
		group.Go(func() error { return run(ctx) })
	}
	return group.Wait()
}

// taints is what takes start-up taints off nodes; nothing where none is to be taken off, so that nodes are not watched.
func (r *replica) taints() (runs []func(context.Context) error) {
	nodes := r.client.Nodes()
	if r.cfg.RemoveTaint {
		taints := controller.NewTaints(nodes, controller.StartupTaint, clock.Real{}, r.log)
		nodes.OnDriver(secretsstore.DriverName, controller.StartupTaint, taints.There)
		runs = append(runs, taints.Run)
	}
	if r.cfg.RemoveNMITaint {
		taints := controller.NewTaints(nodes, controller.PodIdentityTaint, clock.Real{}, r.log)
		nodes.OnAgent(cmp.Or(r.cfg.NMINamespace, r.cfg.LeaseNamespace), r.cfg.NMISelector, controller.PodIdentityTaint, taints.There)
		runs = append(runs, taints.Run)
	}
	if len(runs) > 0 {
		runs = append(runs, nodes.Run)
	}
	return runs
}

// reporter tells of a class in the cluster.
type reporter struct {
	*kube.Client
	events *kube.Events
}

// ClassEvent implements controller.Reporter.
func (r reporter) ClassEvent(class secretsstore.Class, warning bool, reason, message string) {
	r.events.Event(kube.About{
		APIVersion: secretsstore.V1, Kind: secretsstore.KindClass,
		Namespace: class.Metadata.Namespace, Name: class.Metadata.Name, UID: class.Metadata.UID,
	}, warning, reason, message)
}

// azureDecoder judges a class as our provider will, as far as that can be told without a pod.
type azureDecoder struct {
	cloud string
	split bool
}

// Decode implements controller.Decoder.
func (d azureDecoder) Decode(class secretsstore.Class) (controller.Decoded, error) {
	request, err := decodeWithStandIns(class, d.cloud, d.split)
	if err != nil {
		return controller.Decoded{}, err
	}
	return controller.Decoded{Notes: request.Notes, Files: request.Files(d.split)}, nil
}
