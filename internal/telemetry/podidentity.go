package telemetry

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The bounds, in seconds, that dashboards for AAD Pod Identity know.
var (
	answerBuckets = []float64{0.5, 1, 2, 3, 4, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100}
	shortBuckets  = []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 3, 4, 5, 10}
)

// maxNamespaces bounds the namespace label: a node has pods of fewer, but over a year's time they add up.
const maxNamespaces = 200

// podIdentityMetrics carry the names of AAD Pod Identity's node daemon. What it had of the caller's own words in labels is
// brought back to closed sets.
type podIdentityMetrics struct {
	answered    *prometheus.HistogramVec
	tokenTook   *prometheus.HistogramVec
	tokenFailed *prometheus.CounterVec
	kubeFailed  *prometheus.CounterVec
	namespaces  *names
	series      *series
}

func newPodIdentityMetrics(f factory) podIdentityMetrics {
	return podIdentityMetrics{
		answered:    f.histogram("aadpodidentity_nmi_operations_duration_seconds", "How long a request for a token took that a pod or, in its name, a program of the node made, in seconds, waits included.", answerBuckets, nil, "operation_type", "status_code", "namespace", "resource"),
		tokenTook:   f.histogram("aadpodidentity_imds_operations_duration_seconds", "How long a request for a token to the metadata service (adal_token_msi_userassignedid) or to Entra (adal_token) took, in seconds.", shortBuckets, nil, "operation_type"),
		tokenFailed: f.counter("aadpodidentity_imds_operations_errors_count", "Requests for a token to the metadata service or to Entra that failed.", nil, "operation_type"),
		kubeFailed:  f.counter("aadpodidentity_kubernetes_api_operations_errors_count", "Requests to the API server that failed.", nil, "operation_type"),
		namespaces:  newNames(maxNamespaces, 63),
		series:      &series{known: map[answered]prometheus.Observer{}},
	}
}

// Answered observes an answered request for a token: its path, the namespace of its pod (empty when that was not found),
// the resource it asked for and the status of the answer.
func (m *Metrics) Answered(operation, namespace, resource string, status int, took time.Duration) {
	m.podID.series.of(answered{operation, namespace, resource, status}, m.answeredLike).Observe(took.Seconds())
}

func (m *Metrics) answeredLike(a answered) prometheus.Observer {
	path := oneOf(a.operation, "/metadata/identity/oauth2/token", "/host/token")
	return m.podID.answered.WithLabelValues(path, answerLabel(a.status), m.podID.namespaces.label(a.namespace), audienceLabel(a.resource))
}

// answered is what an answer is counted by, in its own words.
type answered struct {
	operation, namespace, resource string
	status                         int
}

// series remembers where answers are counted. Labels are made of the caller's words, which takes longer than to count;
// most answers are like one before.
type series struct {
	mu    sync.Mutex
	known map[answered]prometheus.Observer
}

// mostSeries bounds what is remembered: callers can ask in ever new words. It is more than the labels allow for in earnest.
const mostSeries = 1024

func (s *series) of(a answered, find func(answered) prometheus.Observer) prometheus.Observer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, known := s.known[a]; known {
		return o
	}
	if len(s.known) >= mostSeries {
		clear(s.known)
	}
	o := find(a)
	if len(a.resource) <= maxRemembered {
		s.known[a] = o
	}
	return o
}

// maxRemembered is how long a resource may be to be remembered: those that exist are shorter.
const maxRemembered = 256

// AskedIMDS observes a request for a token to the node's metadata service.
func (m *Metrics) AskedIMDS(took time.Duration, err error) {
	m.askedFor("adal_token_msi_userassignedid", took, err)
}

// AskedEntra observes a request for a service principal's token.
func (m *Metrics) AskedEntra(took time.Duration, err error) { m.askedFor("adal_token", took, err) }

func (m *Metrics) askedFor(operation string, took time.Duration, err error) {
	if err != nil {
		m.podID.tokenFailed.WithLabelValues(operation).Inc()
		return
	}
	m.podID.tokenTook.WithLabelValues(operation).Observe(took.Seconds())
}

// SecretUnread counts a service principal's Secret that could not be read.
func (m *Metrics) SecretUnread() { m.podID.kubeFailed.WithLabelValues("get_secret").Inc() }

// answerLabel is the status itself where the daemon gives it, else its class: what an excepted pod gets is the metadata
// service's.
func answerLabel(status int) string {
	switch status {
	case 200, 400, 403, 404, 429, 500, 503:
		return strconv.Itoa(status)
	}
	return statusClass(status)
}

// audienceLabel is a resource that many ask for, without its last slash; pods can ask for whatever they like.
func audienceLabel(resource string) string {
	return oneOf(strings.TrimRight(strings.ToLower(resource), "/"),
		"https://vault.azure.net", "https://vault.azure.cn", "https://vault.usgovcloudapi.net", "https://managedhsm.azure.net",
		"https://management.azure.com", "https://management.core.windows.net", "https://storage.azure.com", "https://graph.microsoft.com",
		"https://database.windows.net", "https://servicebus.azure.net", "https://eventhubs.azure.net", "https://monitor.azure.com",
		"https://cosmos.azure.com", "https://containerregistry.azure.net", "https://ossrdbms-aad.database.windows.net")
}
