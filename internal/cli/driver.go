package cli

import (
	"context"
	"flag"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/csi"
	"strongroom/internal/fault"
	"strongroom/internal/manifest"
	"strongroom/internal/provider/socket"
	"strongroom/internal/publish"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
	"strongroom/internal/volume"
)

// driverConfig is the driver's command line: the flags of the program it replaces, and what a cluster or its lack needs.
type driverConfig struct {
	Endpoint        string
	HostEndpoint    string
	RegistrationDir string
	DriverName      string
	NodeID          string
	Kubeconfig      string
	SyncSecrets     bool
	ProviderDir     string
	MoreDirs        string
	MetricsAddr     string
	HealthAddr      string
	Pprof           bool
	PprofPort       int
	MaxRecv         int
	Rotation        bool
	Interval        time.Duration
	ClassDir        string
	ClassNS         string
	Volumes         string
	Forbid          bool
	ShowVersion     bool

	checkBackend func() *fault.Error
	log          logFlags
}

func driverFlags(set *flag.FlagSet, p Process) *driverConfig {
	c := &driverConfig{log: addLogFlags(set), checkBackend: metricsBackend(set)}
	set.StringVar(&c.Endpoint, "endpoint", csiEndpoint, "`address` of the CSI socket")
	set.StringVar(&c.DriverName, "drivername", driverName, "`name` the driver is registered under")
	set.StringVar(&c.NodeID, "nodeid", p.Getenv("KUBE_NODE_NAME"), "`name` of this node")
	set.StringVar(&c.ProviderDir, "provider-volume", providerDir, "`directory` of plugin sockets, searched last")
	set.StringVar(&c.MoreDirs, "additional-provider-volume-paths", moreProviderDirs, "comma-separated `directories` of plugin sockets, searched first")
	set.StringVar(&c.MetricsAddr, "metrics-addr", ":8095", "`address` of /metrics; empty serves none")
	set.StringVar(&c.HealthAddr, "health-addr", ":9808", "`address` of /healthz and /readyz; empty serves none")
	set.BoolVar(&c.Pprof, "enable-pprof", false, "serve Go's profiler on 127.0.0.1")
	set.IntVar(&c.PprofPort, "pprof-port", 6065, "`port` of the profiler")
	set.IntVar(&c.MaxRecv, "max-call-recv-msg-size", 4<<20, "greatest answer of a provider in bytes")
	set.BoolVar(&c.Rotation, "enable-secret-rotation", true, "fetch again by a timer once the interval has passed")
	set.DurationVar(&c.Interval, "rotation-poll-interval", 2*time.Minute, "how old served content may grow before it is fetched again, unless its class says otherwise; 0 is at every republish, and by no timer")
	set.StringVar(&c.Kubeconfig, "kubeconfig", "", "`file` that says where the cluster is; empty is the one this pod runs in")
	set.StringVar(&c.RegistrationDir, "registration-socket-dir", "", "`directory` plugins_registry of the kubelet, to register with it; empty registers nowhere")
	set.StringVar(&c.HostEndpoint, "host-endpoint", hostCSISocket, "`path` of the CSI socket as the kubelet sees it")
	set.BoolVar(&c.SyncSecrets, "sync-secrets", false, "copy mounted objects into Kubernetes Secrets as classes' secretObjects say; needs the permissions for it")
	set.StringVar(&c.ClassDir, "class-dir", "", "`directory` of SecretProviderClass manifests, for a driver without a cluster")
	set.StringVar(&c.ClassNS, "class-namespace", "default", "`namespace` of manifests that name none")
	set.StringVar(&c.Volumes, "volumes", "auto", "`what` stands under a target: tmpfs, plain (a directory on disk) or auto (tmpfs where this process may mount)")
	set.BoolVar(&c.Forbid, "forbid-attribute-override", false, "refuse volumeAttributes that replace a parameter of the class or add one")
	set.BoolVar(&c.ShowVersion, "version", false, "print the version and exit")
	set.Bool("provider-health-check", false, ignored+": a provider is looked at when it is needed")
	set.Duration("provider-health-check-interval", 2*time.Minute, ignored)
	return c
}

func runDriver(ctx context.Context, p Process) error {
	set := flags(p, "driver", "driver [flags]")
	c := driverFlags(set, p)
	if goOn, err := begin(set, p, &c.ShowVersion, c.check); !goOn || err != nil {
		return err
	}
	frugal(p)
	return c.serve(ctx, p)
}

// check finds what could only fail later.
func (c *driverConfig) check() error {
	var problems fault.List
	wrong := func(setting, format string, args ...any) *fault.Error {
		e := fault.New(fault.Invalid, setting, format, args...)
		problems = append(problems, e)
		return e
	}
	if info, err := os.Stat(c.ClassDir); c.ClassDir != "" && (err != nil || !info.IsDir()) {
		wrong("--class-dir", "%s is no directory that can be read", c.ClassDir)
	}
	if c.ClassDir == "" && c.NodeID == "" {
		wrong("--nodeid", "is required in a cluster").Mend("--nodeid $(KUBE_NODE_NAME); without a cluster, --class-dir DIRECTORY")
	}
	if _, ok := mountModes[c.Volumes]; !ok {
		wrong("--volumes", "%q is none of tmpfs, plain, auto", c.Volumes)
	}
	if c.Volumes == "tmpfs" && runtime.GOOS == "windows" {
		wrong("--volumes", "there is no tmpfs on Windows: volumes are directories on the node's disk").Mend("--volumes auto")
	}
	if c.Interval < 0 {
		wrong("--rotation-poll-interval", "%s is below 0", c.Interval)
	}
	if c.MaxRecv <= 0 {
		wrong("--max-call-recv-msg-size", "%d is not above 0", c.MaxRecv)
	}
	if err := c.checkBackend(); err != nil {
		problems = append(problems, err)
	}
	return problems.AsError()
}

var mountModes = map[string]volume.MountMode{"tmpfs": volume.Tmpfs, "plain": volume.Plain, "auto": volume.Auto}

func (c *driverConfig) serve(ctx context.Context, p Process) error {
	log := telemetry.NewLogger(p.Stderr, c.log.config())
	metrics := telemetry.NewMetrics(Version)
	volumes := volume.New(volume.Config{Mount: mountModes[c.Volumes], Shared: c.ClassDir == ""})
	providers := socket.New(socket.Config{Dirs: c.dirs(), MaxRecv: c.MaxRecv, Wait: c.patience()})
	defer providers.Close()
	config := publish.Config{
		Providers: providers, Volumes: volumes, Clock: clock.Real{}, Interval: c.Interval, ForbidOverride: c.Forbid,
		Beat: time.Now().Add(-rand.N(48 * time.Hour)), // evenly within any interval
	}
	if !c.Rotation {
		config.Interval = publish.Never
	}
	recorders := publish.Recorders{newRecorder(log, metrics, clock.Real{})}
	var member *cluster
	if c.ClassDir == "" {
		var err error
		if member, err = c.newCluster(log, metrics); err != nil {
			return err
		}
		config.Classes, config.Sightings, config.Follower = member.classes, member.pods, member.follower()
		recorders = append(recorders, member.recorders()...)
	} else {
		config.Classes = &manifest.Dir{Path: c.ClassDir, Namespace: c.ClassNS}
	}
	config.Recorder = recorders
	publisher := publish.New(config)
	metrics.WatchVolumes(publisher.Remembered)
	server := csi.Server{
		Endpoint: c.Endpoint, Name: c.DriverName, Version: Version, NodeID: c.NodeID,
		Publisher: publisher, Stats: volumes, Log: log,
	}
	all := &services{}
	all.add(unbound{publisher})
	all.add(settle(log))
	ready := c.join(all, member, publisher, server, log)
	c.observe(all, metrics, ready)
	return all.run(ctx, func(addresses []any) {
		log.Info("driver serving", append([]any{logkey.Driver, c.DriverName, logkey.Version, Version, "endpoint", c.Endpoint, "volumes", c.Volumes}, addresses...)...)
	})
}

// join adds what serves the kubelet, and the cluster where there is one, and says when the driver is ready.
func (c *driverConfig) join(all *services, member *cluster, publisher *publish.Publisher, server csi.Server, log *slog.Logger) []telemetry.Check {
	if member == nil {
		all.add(&csiService{server: server})
		return nil
	}
	member.attach(publisher)
	place := c.newPlace(server, log)
	all.add(unbound{member})
	all.add(unbound{place})
	return []telemetry.Check{
		{Name: "classes", Run: once(member.classes.Synced, "the SecretProviderClasses have not been read yet")},
		{Name: "registration", Run: once(place.registered, "the kubelet has not registered the driver yet")},
	}
}

// once is a check that something has come about.
func once(done func() bool, otherwise string) func(context.Context) error {
	return func(context.Context) error {
		if done() {
			return nil
		}
		return fault.New(fault.Unavailable, "", "%s", otherwise)
	}
}

// observe adds the doors for people and probes. Liveness is the server's own being there: what it needs from elsewhere is
// not healed by a restart.
func (c *driverConfig) observe(all *services, metrics *telemetry.Metrics, ready []telemetry.Check) {
	if c.MetricsAddr != "" {
		all.addHTTP("metrics", c.MetricsAddr, telemetry.Mux("/metrics", metrics.Handler()))
	}
	if c.HealthAddr != "" {
		all.addProbes(c.HealthAddr, ready)
	}
	if c.Pprof {
		all.add(telemetry.NewProfiler(c.PprofPort))
	}
}

// patience is how long a first mount waits for a provider whose pod is being replaced: about as long as that takes. What
// the kubelet is refused it tries again after twice as long each time, and a pod would wait long after the provider is
// back. Where there is no kubelet a person waits, who is better told at once.
func (c *driverConfig) patience() time.Duration {
	if c.ClassDir != "" {
		return 0
	}
	return 5 * time.Second
}

func (c *driverConfig) dirs() []string { return providerDirs(c.MoreDirs, c.ProviderDir) }

// providerDirs are the directories in the order they are searched.
func providerDirs(first, last string) []string {
	var dirs []string
	for _, dir := range append(strings.Split(first, ","), last) {
		if dir = strings.TrimSpace(dir); dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
