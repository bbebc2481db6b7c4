package telemetry

import "github.com/prometheus/client_golang/prometheus"

// What a process holds in memory. Each has an end: the figures tell whether it does.

// WatchVolumes adds strongroom_volumes: how many volumes the driver remembers. count is asked at each reading of the page.
// Called twice, it panics.
func (m *Metrics) WatchVolumes(count func() int) {
	m.held("strongroom_volumes", "Volumes that are remembered, mounted or just asked for.", count)
}

// WatchKept adds strongroom_share_entries and strongroom_share_bytes: what the provider keeps. Both are asked at each
// reading of the page. Called twice, it panics.
func (m *Metrics) WatchKept(entries, bytes func() int) {
	m.held("strongroom_share_entries", "Tokens and answers that are kept.", entries)
	m.held("strongroom_share_bytes", "Bytes of tokens and answers that are kept, with keys and bookkeeping.", bytes)
}

func (m *Metrics) held(name, help string, value func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
}
