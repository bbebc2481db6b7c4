package telemetry

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what happens in one process. A metric nothing was counted on yet is absent from the page, so the driver
// shows none of the provider's. It is safe for concurrent use; make it with NewMetrics.
type Metrics struct {
	registry *prometheus.Registry
	driver   driverMetrics
	provider providerMetrics
	served   servedMetrics
	podID    podIdentityMetrics
	names    *names
}

// NewMetrics makes a registry of its own, with Go's and the process's figures and strongroom_build_info in it. version
// is the program's.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), names: newNames(maxProviders, maxProviderName)}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "strongroom_build_info",
		Help:        "Always 1; the label says which version runs.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := factory{registry: m.registry}
	m.driver = newDriverMetrics(f)
	m.provider = newProviderMetrics(f)
	m.served = newServedMetrics(f)
	m.podID = newPodIdentityMetrics(f)
	return m
}

// Handler is the page in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// osType is the label others' dashboards know as os_type.
var osType = prometheus.Labels{"os_type": runtime.GOOS}

// factory makes registered metrics. A name used twice is a defect and panics at start.
type factory struct{ registry *prometheus.Registry }

func (f factory) counter(name, help string, constant prometheus.Labels, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: constant}, labels)
	f.registry.MustRegister(c)
	return c
}

func (f factory) histogram(name, help string, buckets []float64, constant prometheus.Labels, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, ConstLabels: constant}, labels)
	f.registry.MustRegister(h)
	return h
}
