package cli

import (
	"cmp"
	"context"
	"flag"
	"time"

	"strongroom/internal/azure/azurejson"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/podid/mic"
)

// The names that belong to MIC in a cluster: of its lease and of the ConfigMap with its ledger.
const (
	micLease  = "aad-pod-identity-mic"
	micLedger = "strongroom-mic"
)

// micConfig is MIC's command line: the flags of the program it replaces, and a few of its own.
type micConfig struct {
	Kubeconfig     string
	CloudConfig    string
	CustomCloud    string
	Namespaced     bool
	LeaseNamespace string
	LeaseName      string
	LeaseDuration  time.Duration
	Instance       string
	Immutable      string
	Writes         int
	SyncRetry      time.Duration
	Reconcile      time.Duration
	DetachDelay    time.Duration
	Eager          bool
	Adopt          bool
	UserAgent      string
	CAFile         string
	HTTPSProxy     string
	NoProxy        string
	IMDS           string
	HealthPort     int
	MetricsPort    int
	Release        bool
	ShowVersion    bool
	getenv         func(string) string
	log            logFlags
}

func micFlags(set *flag.FlagSet, p Process) *micConfig {
	c := &micConfig{
		log: addOldLogFlags(set), getenv: p.Getenv, CustomCloud: p.Getenv("AZURE_ENVIRONMENT_FILEPATH"),
		HTTPSProxy: cmp.Or(p.Getenv("HTTPS_PROXY"), p.Getenv("https_proxy")), NoProxy: cmp.Or(p.Getenv("NO_PROXY"), p.Getenv("no_proxy")),
	}
	set.StringVar(&c.Kubeconfig, "kubeconfig", "", "`file` that says where the cluster is; empty is the one this pod runs in")
	set.StringVar(&c.CloudConfig, "cloudconfig", "", "`file` azure.json of the cluster; empty reads CLOUD, TENANT_ID, CLIENT_ID and so on from the environment")
	set.BoolVar(&c.Namespaced, "forceNamespaced", p.Getenv("FORCENAMESPACED") == "true", "identities serve pods of their own namespace only")
	set.StringVar(&c.LeaseNamespace, "lease-namespace", cmp.Or(p.Getenv("POD_NAMESPACE"), p.Getenv("MIC_POD_NAMESPACE"), "default"), "`namespace` of the lease that makes one replica the leader, and of the ledger")
	set.StringVar(&c.LeaseNamespace, "leader-election-namespace", c.LeaseNamespace, "another spelling of --lease-namespace; its `namespace`")
	set.StringVar(&c.LeaseName, "leader-election-name", micLease, "`name` of that lease")
	set.DurationVar(&c.LeaseDuration, "leader-election-duration", 15*time.Second, "how long a leader that is not heard of keeps the lease")
	set.StringVar(&c.Instance, "leader-election-instance", p.Getenv("POD_NAME"), "`name` of this replica")
	set.StringVar(&c.Immutable, "immutable-user-msis", "", "comma-separated client `ids` of identities that are never taken off a machine")
	set.IntVar(&c.Writes, "createDeleteBatch", 20, "how many objects are written at a time")
	set.DurationVar(&c.SyncRetry, "syncRetryDuration", time.Hour, "how often everything is looked at again without a reason")
	set.DurationVar(&c.Reconcile, "identity-assignment-reconcile-interval", mic.DefaultReconcile, "how often a machine is compared with what should be on it")
	set.DurationVar(&c.DetachDelay, "detach-delay", mic.DefaultDetachDelay, "how long an identity stays on a machine after its last pod there; 0 takes it off at once")
	set.BoolVar(&c.Eager, "eager-attach", false, "put an identity on all machines as soon as something is bound to it")
	set.BoolVar(&c.Adopt, "adopt-attached", false, "take what the replaced MIC has put on machines for ours, so that it is taken off when no pod needs it")
	set.StringVar(&c.UserAgent, "custom-user-agent", "", "`text` after the program's own name, in requests to Azure")
	set.StringVar(&c.CAFile, "ca-file", "", "PEM `file` with certificate authorities trusted besides the system's")
	set.StringVar(&c.IMDS, "imds-endpoint", "http://169.254.169.254", "`address` of the instance metadata service")
	set.IntVar(&c.HealthPort, "http-probe-port", 8080, "`port` of /healthz; below 0 serves none")
	set.IntVar(&c.MetricsPort, "prometheus-port", 8888, "`port` of /metrics; below 0 serves none")
	set.BoolVar(&c.Release, "release", false, "for an uninstall: take the finalizer off every AzureAssignedIdentity, delete them, and exit")
	set.BoolVar(&c.ShowVersion, "version", false, "print the version and exit")
	for _, name := range []string{"enableScaleFeatures", "enableProfile", "enable-type-upgrade"} {
		set.Bool(name, false, ignored)
	}
	for _, name := range []string{"clientQps", "config-map-name", "type-upgrade-status-key", "update-user-msi-max-retry", "update-user-msi-retry-interval"} {
		set.String(name, "", ignored)
	}
	return c
}

func runMIC(ctx context.Context, p Process) error {
	set := flags(p, "mic", "mic [flags]")
	c := micFlags(set, p)
	if goOn, err := begin(set, p, &c.ShowVersion, c.check); !goOn || err != nil {
		return err
	}
	frugal(p)
	if c.Release {
		return c.release(ctx, p)
	}
	return c.serve(ctx, p)
}

// check finds what could only fail later, and names this replica.
func (c *micConfig) check() error {
	if c.LeaseDuration < 3*time.Second {
		return fault.New(fault.Invalid, "--leader-election-duration", "%s is shorter than a leader can renew in", c.LeaseDuration).Mend("leave it at 15s")
	}
	var err error
	c.Instance, err = replicaName(c.Instance)
	return err
}

// settings is who the cluster is to Azure: azure.json, or else the environment, never both.
func (c *micConfig) settings() func() (azurejson.Config, error) {
	if c.CloudConfig != "" {
		return azurejson.NewFile(c.CloudConfig, c.CustomCloud, clock.Real{}).Read
	}
	return func() (azurejson.Config, error) {
		return azurejson.FromEnvironment(c.getenv, azurejson.ReadCustom(c.CustomCloud))
	}
}

// delay is the detach delay in MIC's own terms, where zero is its default.
func (c *micConfig) delay() time.Duration {
	if c.DetachDelay == 0 {
		return -1
	}
	return c.DetachDelay
}
