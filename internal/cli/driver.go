package cli

import (
	"context"
	"flag"
	"net"
	"os"
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

// driverConfig is the driver's command line: the flags of the program it replaces, and where classes come from.
type driverConfig struct {
	Endpoint    string
	DriverName  string
	NodeID      string
	ProviderDir string
	MoreDirs    string
	MetricsAddr string
	HealthAddr  string
	Pprof       bool
	PprofPort   int
	MaxRecv     int
	Rotation    bool
	Interval    time.Duration
	ClassDir    string
	ClassNS     string
	Volumes     string
	Forbid      bool
	ShowVersion bool

	checkBackend func() *fault.Error
	log          logFlags
}

func driverFlags(set *flag.FlagSet, p Process) *driverConfig {
	c := &driverConfig{log: addLogFlags(set), checkBackend: metricsBackend(set)}
	set.StringVar(&c.Endpoint, "endpoint", "unix:///tmp/csi.sock", "`address` of the CSI socket")
	set.StringVar(&c.DriverName, "drivername", driverName, "`name` the driver is registered under")
	set.StringVar(&c.NodeID, "nodeid", p.Getenv("KUBE_NODE_NAME"), "`name` of this node")
	set.StringVar(&c.ProviderDir, "provider-volume", "/var/run/secrets-store-csi-providers", "`directory` of plugin sockets, searched last")
	set.StringVar(&c.MoreDirs, "additional-provider-volume-paths", "/etc/kubernetes/secrets-store-csi-providers", "comma-separated `directories` of plugin sockets, searched first")
	set.StringVar(&c.MetricsAddr, "metrics-addr", ":8095", "`address` of /metrics; empty serves none")
	set.StringVar(&c.HealthAddr, "health-addr", ":9808", "`address` of /healthz; empty serves none")
	set.BoolVar(&c.Pprof, "enable-pprof", false, "serve Go's profiler on 127.0.0.1")
	set.IntVar(&c.PprofPort, "pprof-port", 6065, "`port` of the profiler")
	set.IntVar(&c.MaxRecv, "max-call-recv-msg-size", 4<<20, "greatest answer of a provider in bytes")
	set.BoolVar(&c.Rotation, "enable-secret-rotation", true, "fetch again at a republish once the interval has passed")
	set.DurationVar(&c.Interval, "rotation-poll-interval", 2*time.Minute, "how old served content may grow before it is fetched again")
	set.StringVar(&c.ClassDir, "class-dir", "", "`directory` of SecretProviderClass manifests (required)")
	set.StringVar(&c.ClassNS, "class-namespace", "default", "`namespace` of manifests that name none")
	set.StringVar(&c.Volumes, "volumes", "auto", "`what` stands under a target: tmpfs, plain (a directory on disk) or auto (tmpfs where this process may mount)")
	set.BoolVar(&c.Forbid, "forbid-attribute-override", false, "refuse volumeAttributes that replace a parameter of the class or add one")
	set.BoolVar(&c.ShowVersion, "version", false, "print the version and exit")
	set.String("kubeconfig", "", ignored+": classes come from --class-dir")
	set.Bool("provider-health-check", false, ignored+": a provider is looked at when it is needed")
	set.Duration("provider-health-check-interval", 2*time.Minute, ignored)
	return c
}

func runDriver(ctx context.Context, p Process) error {
	set := flags(p, "driver", "driver --class-dir DIRECTORY [flags]")
	c := driverFlags(set, p)
	if err := parse(set, p, false); err != nil {
		return err
	}
	if c.ShowVersion {
		return printVersion(p)
	}
	if err := c.check(); err != nil {
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
	if c.ClassDir == "" {
		wrong("--class-dir", "is required").Mend("--class-dir examples")
	} else if info, err := os.Stat(c.ClassDir); err != nil || !info.IsDir() {
		wrong("--class-dir", "%s is no directory that can be read", c.ClassDir)
	}
	if _, ok := mountModes[c.Volumes]; !ok {
		wrong("--volumes", "%q is none of tmpfs, plain, auto", c.Volumes)
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

// never is an interval no volume reaches: content is fetched once, as with the replaced driver's rotation off.
const never = time.Duration(1<<63 - 1)

func (c *driverConfig) serve(ctx context.Context, p Process) error {
	log := telemetry.NewLogger(p.Stderr, c.log.config())
	metrics := telemetry.NewMetrics(Version)
	volumes := volume.New(volume.Config{Mount: mountModes[c.Volumes]})
	providers := socket.New(socket.Config{Dirs: c.dirs(), MaxRecv: c.MaxRecv})
	defer providers.Close()
	if !c.Rotation {
		c.Interval = never
	}
	recorder := newRecorder(log, metrics, clock.Real{})
	publisher := publish.New(publish.Config{
		Classes:   &manifest.Dir{Path: c.ClassDir, Namespace: c.ClassNS},
		Providers: providers, Volumes: volumes, Clock: clock.Real{},
		Recorder: recorder, Interval: c.Interval, ForbidOverride: c.Forbid,
	})
	all := &services{}
	all.add(&csiService{server: csi.Server{
		Endpoint: c.Endpoint, Name: c.DriverName, Version: Version, NodeID: c.NodeID,
		Publisher: publisher, Stats: volumes, Log: log,
	}})
	if c.MetricsAddr != "" {
		all.addHTTP("metrics", c.MetricsAddr, telemetry.Mux("/metrics", metrics.Handler()))
	}
	if c.HealthAddr != "" {
		// Health is the server's own being there: what it needs from elsewhere is not healed by a restart.
		all.addHTTP("health", c.HealthAddr, telemetry.Mux("/healthz", telemetry.Health(0)))
	}
	if c.Pprof {
		all.add(telemetry.NewProfiler(c.PprofPort))
	}
	return all.run(ctx, func(addresses []any) {
		log.Info("driver serving", append([]any{logkey.Driver, c.DriverName, logkey.Version, Version, "endpoint", c.Endpoint, "volumes", c.Volumes}, addresses...)...)
	})
}

// csiService binds the CSI socket first and serves it then.
type csiService struct {
	server   csi.Server
	listener net.Listener
}

func (s *csiService) Listen() (err error) {
	s.listener, err = csi.Listen(s.server.Endpoint)
	return err
}

func (s *csiService) Run(ctx context.Context) error { return s.server.Serve(ctx, s.listener) }

func (c *driverConfig) dirs() []string {
	var dirs []string
	for _, dir := range append(strings.Split(c.MoreDirs, ","), c.ProviderDir) {
		if dir = strings.TrimSpace(dir); dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
