package cli

import (
	"context"
	"errors"
	"flag"
	"net"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/provider/socket"
	"strongroom/internal/secret"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
)

// providerConfig is the provider's command line: the flags of the program it replaces, and those of azureConfig.
type providerConfig struct {
	Endpoint     string
	HealthPort   int
	HealthPath   string
	HealthWait   time.Duration
	MetricsPort  int
	Pprof        bool
	PprofPort    int
	MaxMounts    int
	ShowVersion  bool
	checkBackend func() *fault.Error
	log          logFlags
	azure        *azureConfig
}

func providerFlags(set *flag.FlagSet, p Process) *providerConfig {
	c := &providerConfig{azure: azureFlags(set, p), log: addLogFlags(set), checkBackend: metricsBackend(set)}
	set.StringVar(&c.Endpoint, "endpoint", providerEndpoint, "`address` of the plugin socket")
	set.IntVar(&c.HealthPort, "healthz-port", 8989, "`port` of the health check on 127.0.0.1 and the pod's address; 0 picks one, below 0 serves none")
	set.StringVar(&c.HealthPath, "healthz-path", "/healthz", "`path` of the health check")
	set.DurationVar(&c.HealthWait, "healthz-timeout", 5*time.Second, "how long the health check may take")
	set.IntVar(&c.MetricsPort, "prometheus-port", 8898, "`port` of /metrics; 0 picks one, below 0 serves none")
	set.BoolVar(&c.Pprof, "enable-pprof", false, "serve Go's profiler on 127.0.0.1")
	set.IntVar(&c.PprofPort, "pprof-port", 6060, "`port` of the profiler")
	set.IntVar(&c.MaxMounts, "max-mounts", 0, "how many mounts run at once; 0 means 256; more wait their turn")
	set.BoolVar(&c.ShowVersion, "version", false, "print the version and exit")
	set.StringVar(&c.azure.UserAgent, "custom-user-agent", "", "`text` after the program's own name, in requests to Azure")
	return c
}

func runProvider(ctx context.Context, p Process) error {
	set := flags(p, "provider", "provider [flags]")
	c := providerFlags(set, p)
	if goOn, err := begin(set, p, &c.ShowVersion, c.check); !goOn || err != nil {
		return err
	}
	frugal(p)
	return c.serve(ctx, p)
}

// check finds what could only fail later.
func (c *providerConfig) check() error {
	if err := c.checkBackend(); err != nil {
		return err
	}
	return nil
}

// serve binds everything before it starts anything, so that a clash is an error at start.
func (c *providerConfig) serve(ctx context.Context, p Process) error {
	path, err := socketPath(c.Endpoint)
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(p.Stderr, c.log.config())
	metrics := telemetry.NewMetrics(Version)
	parts, err := c.azure.build(azureObserver{metrics})
	if err != nil {
		return err
	}
	defer parts.clients.Close()
	metrics.WatchShare(parts.shared)
	metrics.WatchKept(func() int { return parts.pool.Stats().Entries }, func() int { return parts.pool.Stats().Bytes })
	server, err := socket.NewServer(socket.ServerConfig{
		Socket: path, Provider: parts.provider, Version: Version, MaxMounts: c.MaxMounts, Log: log, Meter: metrics,
	})
	if err != nil {
		return err
	}
	all := &services{}
	all.add(server)
	all.add(unbound{parts.pool})
	all.add(settle(log))
	if c.HealthPort >= 0 {
		check := telemetry.Check{Name: "socket", Run: func(ctx context.Context) error { return socket.Probe(ctx, path) }}
		all.addHTTP("health", port(c.HealthPort), telemetry.Mux(c.HealthPath, telemetry.Health(c.HealthWait, check)))
	}
	if c.MetricsPort >= 0 {
		all.addHTTP("metrics", port(c.MetricsPort), telemetry.Mux("/metrics", metrics.Handler()))
	}
	if c.Pprof {
		all.add(telemetry.NewProfiler(c.PprofPort))
	}
	return all.run(ctx, func(addresses []any) {
		log.Info("provider serving", append([]any{logkey.Version, Version, "endpoint", "unix://" + path}, addresses...)...)
	})
}

func port(n int) string { return net.JoinHostPort("", strconv.Itoa(n)) }

// azureObserver counts calls to Azure.
type azureObserver struct{ metrics *telemetry.Metrics }

func (o azureObserver) Called(service, object string, took time.Duration, err error) {
	if service == "keyvault" {
		o.metrics.VaultRead(secret.Kind(object), took, err)
	}
	o.metrics.AzureRequest(service, statusOf(err))
}

// statusOf is the HTTP status an answer had; 0 when there was none.
func statusOf(err error) int {
	var e *fault.Error
	switch {
	case err == nil:
		return 200
	case errors.As(err, &e):
		return e.Remote.Status
	default:
		return 0
	}
}

func hostOf(address string) string {
	host := strings.TrimPrefix(address, "https://")
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
