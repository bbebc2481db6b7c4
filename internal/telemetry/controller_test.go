package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"strongroom/internal/telemetry"
)

func TestTheControllersFigures(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1.2.3")
	leading := false
	m.WatchController(func() bool { return leading }, func() (int, int) { return 7, 2 })
	for _, want := range []string{"strongroom_leader 0\n", "strongroom_leader 1\n"} {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		for _, line := range []string{want, "strongroom_classes{accepted=\"true\"} 7\n", "strongroom_classes{accepted=\"false\"} 2\n"} {
			if !strings.Contains(w.Body.String(), line) {
				t.Errorf("the page lacks %q", line)
			}
		}
		leading = true
	}
}
