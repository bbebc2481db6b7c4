package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What a publish failed of, in the words of the label error_type that dashboards know. Anything else is counted as
// "other", a provider's own codes among them: their number is not bounded.
const (
	FailedToMount              = "FailedToMount"
	FailedToEnsureMountPoint   = "FailedToEnsureMountPoint"
	SecretProviderClassMissing = "SecretProviderClassNotFound"
	GRPCProviderError          = "GRPCProviderError"
	FileWriteError             = "FileWriteError"
)

// rotated is the label value that dashboards filter on; there has never been another.
const rotated = "true"

// rotationBuckets are the bounds, in seconds, of the histograms that others' dashboards know.
var rotationBuckets = []float64{0.1, 0.135, 0.182, 0.246, 0.331, 0.447, 0.603, 0.814, 1.099, 1.482, 2}

// driverMetrics carry the names of the Secrets Store CSI Driver.
type driverMetrics struct {
	published, publishFailed     *prometheus.CounterVec
	unpublished, unpublishFailed *prometheus.CounterVec
	rotated, rotationFailed      *prometheus.CounterVec
	rotationTook                 *prometheus.HistogramVec
	synced                       *prometheus.CounterVec
	syncTook                     *prometheus.HistogramVec
}

func newDriverMetrics(f factory) driverMetrics {
	return driverMetrics{
		published:       f.counter("node_publish_total", "Volume publishes that succeeded, those among them that had nothing to do.", osType, "provider"),
		publishFailed:   f.counter("node_publish_error_total", "First mounts that failed; what fails for a volume that was already mounted is in rotation_reconcile_error_total.", osType, "provider", "error_type"),
		unpublished:     f.counter("node_unpublish_total", "Volume unpublishes that succeeded.", osType),
		unpublishFailed: f.counter("node_unpublish_error_total", "Volume unpublishes that failed.", osType),
		rotated:         f.counter("rotation_reconcile_total", "Fetches for a volume that was already mounted that succeeded, whether or not anything had changed.", osType, "provider", "rotated"),
		rotationFailed:  f.counter("rotation_reconcile_error_total", "Fetches for a volume that was already mounted that failed; its files stay.", osType, "provider", "error_type", "rotated"),
		rotationTook:    f.histogram("rotation_reconcile_duration_sec", "How long a successful fetch for a volume that was already mounted took, in seconds.", rotationBuckets, osType),
		synced:          f.counter("sync_k8s_secret_total", "Kubernetes Secrets written from mounted content; one that stood right already is not counted.", osType, "provider"),
		syncTook:        f.histogram("k8s_secret_duration_sec", "How long it took to bring a Kubernetes Secret in order that needed a write, in seconds.", rotationBuckets, osType),
	}
}

// Published counts a successful publish.
func (m *Metrics) Published(provider string) {
	m.driver.published.WithLabelValues(m.names.label(provider)).Inc()
}

// PublishFailed counts a failed publish; errorType is one of the constants above.
func (m *Metrics) PublishFailed(provider, errorType string) {
	m.driver.publishFailed.WithLabelValues(m.names.label(provider), errorLabel(errorType)).Inc()
}

// Unpublished counts a successful unpublish.
func (m *Metrics) Unpublished() { m.driver.unpublished.WithLabelValues().Inc() }

// UnpublishFailed counts a failed unpublish.
func (m *Metrics) UnpublishFailed() { m.driver.unpublishFailed.WithLabelValues().Inc() }

// Rotated counts a successful fetch for a mounted volume and how long it took.
func (m *Metrics) Rotated(provider string, took time.Duration) {
	m.driver.rotated.WithLabelValues(m.names.label(provider), rotated).Inc()
	m.driver.rotationTook.WithLabelValues().Observe(took.Seconds())
}

// RotationFailed counts a failed fetch for a mounted volume; errorType is one of the constants above.
func (m *Metrics) RotationFailed(provider, errorType string) {
	m.driver.rotationFailed.WithLabelValues(m.names.label(provider), errorLabel(errorType), rotated).Inc()
}

// SecretSynced counts a Kubernetes Secret that was written and how long that took, its reads and tries included.
func (m *Metrics) SecretSynced(provider string, took time.Duration) {
	m.driver.synced.WithLabelValues(m.names.label(provider)).Inc()
	m.driver.syncTook.WithLabelValues().Observe(took.Seconds())
}

func errorLabel(errorType string) string {
	return oneOf(errorType, FailedToMount, FailedToEnsureMountPoint, SecretProviderClassMissing, GRPCProviderError, FileWriteError)
}
