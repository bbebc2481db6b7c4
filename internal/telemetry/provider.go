package telemetry

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// requestBuckets are the bounds, in seconds, of the two histograms that others' dashboards know.
var requestBuckets = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 1, 1.5, 2, 2.5, 3, 5, 10, 15, 30}

// providerLabels are constant on the two histograms that others' dashboards know.
var providerLabels = prometheus.Labels{"service_name": "csi-secrets-store-provider-azure", "provider": "azure", "os_type": runtime.GOOS}

// providerMetrics carry the two names of the Azure provider, without its labels object_name and grpc_message and with a
// kind in place of its error's text, and what it never told: every request, and what sharing saves.
type providerMetrics struct {
	keyvault, rpc *prometheus.HistogramVec
	azureRequests *prometheus.CounterVec
}

func newProviderMetrics(f factory) providerMetrics {
	return providerMetrics{
		keyvault:      f.histogram("keyvault_request", "How long reading one object from Key Vault took, in seconds; error is empty when it was read.", requestBuckets, providerLabels, "object_type", "error"),
		rpc:           f.histogram("grpc_request", "How long answering a call on the provider's socket took, in seconds.", requestBuckets, providerLabels, "grpc_method", "grpc_code"),
		azureRequests: f.counter("strongroom_azure_requests_total", "HTTP requests sent to Azure, by service and by what came back.", nil, "service", "status_class"),
	}
}

// VaultRead observes the reading of one object; err is nil when it was read.
func (m *Metrics) VaultRead(kind secret.Kind, took time.Duration, err error) {
	label := ""
	if err != nil {
		label = fault.KindOf(err).String()
	}
	object := oneOf(string(kind), string(secret.Secret), string(secret.Key), string(secret.Certificate))
	m.provider.keyvault.WithLabelValues(object, label).Observe(took.Seconds())
}

// ServedRPC observes an answered call on a socket: its full method and its gRPC code by name.
func (m *Metrics) ServedRPC(method, code string, took time.Duration) {
	m.provider.rpc.WithLabelValues(methodLabel(method), codeLabel(code)).Observe(took.Seconds())
}

// AzureRequest counts one HTTP request. service is entra, imds, nmi, tokenproxy or keyvault; status is the answer's, 0
// when none came.
func (m *Metrics) AzureRequest(service string, status int) {
	label := oneOf(service, "entra", "imds", "nmi", "tokenproxy", "keyvault")
	m.provider.azureRequests.WithLabelValues(label, statusClass(status)).Inc()
}

// WatchShare adds strongroom_share_total: how answers were come by. totals is asked at each reading of the page, by
// outcome: hit (a young enough answer was there), joined (a running request's answer was awaited), flight (a request was
// made), stale (last known good was given), refused. Called twice, it panics.
func (m *Metrics) WatchShare(totals func() map[string]uint64) {
	m.registry.MustRegister(shareCollector{totals})
}

// shareCollector reads counters that are kept elsewhere.
type shareCollector struct{ totals func() map[string]uint64 }

var shareTotal = prometheus.NewDesc("strongroom_share_total", "Answers handed out, by whether a request was made for them and what came of it.", []string{"outcome"}, nil)

func (shareCollector) Describe(ch chan<- *prometheus.Desc) { ch <- shareTotal }

func (c shareCollector) Collect(ch chan<- prometheus.Metric) {
	for outcome, total := range c.totals() {
		ch <- prometheus.MustNewConstMetric(shareTotal, prometheus.CounterValue, float64(total), outcome)
	}
}

// methodLabel keeps to the methods a socket of ours serves: a caller can make up any name.
func methodLabel(method string) string {
	return oneOf(method, "/v1alpha1.CSIDriverProvider/Mount", "/v1alpha1.CSIDriverProvider/Version", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List")
}

func codeLabel(name string) string {
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		if code.String() == name {
			return name
		}
	}
	return other
}
