package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var longBuckets = []float64{0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1200}

// MICMetrics are those of AAD Pod Identity's MIC, under its names.
type MICMetrics struct {
	took       map[string]prometheus.Histogram
	count      map[string]prometheus.Counter
	failed     *prometheus.CounterVec
	cloud      *prometheus.HistogramVec
	cloudError *prometheus.CounterVec
	passes     prometheus.Counter
	pass       prometheus.Histogram
	elections  prometheus.Counter
}

// MIC adds them to the page. Called twice, it panics.
func (m *Metrics) MIC() *MICMetrics {
	f := factory{registry: m.registry}
	c := &MICMetrics{
		took: map[string]prometheus.Histogram{}, count: map[string]prometheus.Counter{},
		failed:     m.podID.kubeFailed,
		cloud:      f.histogram("aadpodidentity_cloud_provider_operations_duration_seconds", "How long reading or changing the identities of a machine took; of a change, its request alone.", longBuckets, nil, "operation_type"),
		cloudError: f.counter("aadpodidentity_cloud_provider_operations_errors_count", "Readings and changes of a machine's identities that failed.", nil, "operation_type"),
		passes:     f.counter("aadpodidentity_mic_cycle_count", "Passes over everything that is wanted.", nil).WithLabelValues(),
		pass:       f.histogram("aadpodidentity_mic_cycle_duration_seconds", "How long a pass took.", longBuckets, nil).WithLabelValues().(prometheus.Histogram),
		elections:  f.counter("aadpodidentity_mic_new_leader_election_count", "How often this replica began to lead.", nil).WithLabelValues(),
	}
	for _, what := range []string{"addition", "update", "deletion"} {
		c.took[what] = f.histogram("aadpodidentity_assigned_identity_"+what+"_duration_seconds", "How long a write of an AzureAssignedIdentity took.", shortBuckets, nil).WithLabelValues().(prometheus.Histogram)
		c.count[what] = f.counter("aadpodidentity_assigned_identity_"+what+"_count", "Writes of AzureAssignedIdentities.", nil).WithLabelValues()
	}
	return c
}

// Wrote observes a write of an assigned identity: addition, update or deletion.
func (m *MICMetrics) Wrote(what string, took time.Duration, err error) {
	if err != nil {
		m.failed.WithLabelValues("assigned_identity_" + what).Inc()
		return
	}
	m.took[what].Observe(took.Seconds())
	m.count[what].Inc()
}

// Called observes a call about a machine: vm_get, vm_update, vmss_get or vmss_update.
func (m *MICMetrics) Called(operation string, took time.Duration, err error) {
	m.cloud.WithLabelValues(operation).Observe(took.Seconds())
	if err != nil {
		m.cloudError.WithLabelValues(operation).Inc()
	}
}

// Passed observes a pass.
func (m *MICMetrics) Passed(took time.Duration) {
	m.pass.Observe(took.Seconds())
	m.passes.Inc()
}

// Led counts a beginning of leadership.
func (m *MICMetrics) Led() { m.elections.Inc() }

// MICState is where MIC stands.
type MICState struct{ Machines, Updates, Owned, Refused, Pending int }

// WatchMIC adds what a leading MIC knows, and strongroom_leader. state is asked at each reading of the page; a replica that
// does not lead knows of nothing. Called twice, it panics.
func (m *Metrics) WatchMIC(state func() (leads bool, s MICState)) {
	gauge := func(name, help string, value func(MICState) int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			_, s := state()
			return float64(value(s))
		}))
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "strongroom_leader", Help: "1 on the replica that leads, else 0."}, func() float64 {
		if leads, _ := state(); leads {
			return 1
		}
		return 0
	}))
	gauge("strongroom_mic_machines", "Machines and scale sets that have an identity of ours, or are to have one.", func(s MICState) int { return s.Machines })
	gauge("strongroom_mic_updates", "Updates of machines under way.", func(s MICState) int { return s.Updates })
	gauge("strongroom_mic_owned", "Identities on machines that are ours to take off.", func(s MICState) int { return s.Owned })
	gauge("strongroom_mic_refused", "Identities that Azure refuses to put on a machine: what to alert on.", func(s MICState) int { return s.Refused })
	gauge("strongroom_mic_pending", "Pods' identities that have not come about yet.", func(s MICState) int { return s.Pending })
}
