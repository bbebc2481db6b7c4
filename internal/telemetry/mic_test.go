package telemetry_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom/internal/telemetry"
)

// MIC's figures have the names and labels that dashboards know, and a failure counts as that and not as done.
func TestMICsFigures(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("test")
	c := m.MIC()
	leads, state := false, telemetry.MICState{}
	m.WatchMIC(func() (bool, telemetry.MICState) { return leads, state })
	for _, what := range []string{"addition", "update", "deletion"} {
		c.Wrote(what, 30*time.Millisecond, nil)
		c.Wrote(what, time.Second, errors.New("refused"))
	}
	c.Called("vmss_get", time.Second, nil)
	c.Called("vmss_update", 2*time.Second, nil)
	c.Called("vm_update", 3*time.Second, errors.New("refused"))
	c.Passed(10 * time.Millisecond)
	c.Passed(20 * time.Millisecond)
	c.Led()
	page := func() string {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	holds := func(lines ...string) {
		t.Helper()
		text := page()
		for _, line := range lines {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("no line %s", line)
			}
		}
	}
	for _, what := range []string{"addition", "update", "deletion"} {
		holds("aadpodidentity_assigned_identity_"+what+"_count 1", "aadpodidentity_assigned_identity_"+what+"_duration_seconds_count 1",
			"aadpodidentity_assigned_identity_"+what+`_duration_seconds_bucket{le="0.05"} 1`,
			`aadpodidentity_kubernetes_api_operations_errors_count{operation_type="assigned_identity_`+what+`"} 1`)
	}
	holds(`aadpodidentity_cloud_provider_operations_duration_seconds_sum{operation_type="vmss_update"} 2`,
		`aadpodidentity_cloud_provider_operations_duration_seconds_count{operation_type="vmss_get"} 1`,
		`aadpodidentity_cloud_provider_operations_errors_count{operation_type="vm_update"} 1`,
		"aadpodidentity_mic_cycle_count 2", "aadpodidentity_mic_cycle_duration_seconds_count 2", "aadpodidentity_mic_new_leader_election_count 1",
		"strongroom_leader 0", "strongroom_mic_machines 0")
	leads, state = true, telemetry.MICState{Machines: 1, Updates: 2, Owned: 3, Refused: 4, Pending: 5}
	holds("strongroom_leader 1", "strongroom_mic_machines 1", "strongroom_mic_updates 2", "strongroom_mic_owned 3", "strongroom_mic_refused 4", "strongroom_mic_pending 5")
}
