package telemetry

import "github.com/prometheus/client_golang/prometheus"

// WatchController adds what the controller knows: strongroom_leader, and strongroom_classes by whether they are
// accepted, which is what to alert on before any pod fails. Both are asked at each reading of the page; a replica that
// does not lead knows of no class. Called twice, it panics.
func (m *Metrics) WatchController(leading func() bool, classes func() (accepted, rejected int)) {
	gauge := func(name, help string, labels prometheus.Labels, value func() int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(value()) }))
	}
	gauge("strongroom_leader", "1 on the replica that leads, else 0.", nil, func() int {
		if leading() {
			return 1
		}
		return 0
	})
	const name, help = "strongroom_classes", "How many SecretProviderClasses can be mounted as they are written, and how many cannot."
	gauge(name, help, prometheus.Labels{"accepted": "true"}, func() int { accepted, _ := classes(); return accepted })
	gauge(name, help, prometheus.Labels{"accepted": "false"}, func() int { _, rejected := classes(); return rejected })
}
