package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ageBuckets are bounds in seconds, from what was just fetched to what a long outage left.
var ageBuckets = []float64{1, 10, 60, 120, 300, 900, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}

// servedMetrics say how old is what pods read.
type servedMetrics struct {
	register prometheus.Registerer
	age      *prometheus.HistogramVec
}

func newServedMetrics(f factory) servedMetrics {
	return servedMetrics{
		register: f.registry,
		age:      f.histogram("strongroom_served_age_seconds", "Age of the oldest object in a volume at the end of each publish, by whether the store could be asked.", ageBuckets, nil, "state"),
	}
}

// ServedAge observes the age of the oldest object in a volume at the end of a publish. stale says that the store could
// not be asked, so that what was there stayed.
func (m *Metrics) ServedAge(age time.Duration, stale bool) {
	state := "fresh"
	if stale {
		state = "stale"
	}
	m.served.age.WithLabelValues(state).Observe(age.Seconds())
}

// WatchOldest adds strongroom_oldest_served_age_seconds: what to alert on when secrets stop being refreshed. oldest is
// asked at each reading of the page and gives the greatest age among all mounted volumes, 0 when there are none. Called
// twice, it panics.
func (m *Metrics) WatchOldest(oldest func() time.Duration) {
	m.served.register.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "strongroom_oldest_served_age_seconds",
		Help: "Age of the oldest object in any volume mounted on this node.",
	}, func() float64 { return oldest().Seconds() }))
}
