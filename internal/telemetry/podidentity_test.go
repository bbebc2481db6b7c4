package telemetry_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"strongroom/internal/telemetry"
)

// Whatever pods ask for, the number of series stays small (defect 13).
func TestPodsCannotMultiplySeries(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("test")
	m.Answered("/host/token", "shop", "https://vault.azure.net/", 200, time.Second)
	for n := range 1000 {
		m.Answered(fmt.Sprintf("/%d", n), fmt.Sprintf("ns-%d", n), fmt.Sprintf("https://%d.example", n), 600+n, time.Second)
	}
	m.AskedIMDS(time.Millisecond, nil)
	m.AskedEntra(time.Millisecond, errors.New("x"))
	m.SecretUnread()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	page := w.Body.String()
	for _, line := range []string{
		`aadpodidentity_nmi_operations_duration_seconds_count{namespace="shop",operation_type="/host/token",resource="https://vault.azure.net",status_code="200"} 1`,
		`aadpodidentity_imds_operations_duration_seconds_count{operation_type="adal_token_msi_userassignedid"} 1`,
		`aadpodidentity_imds_operations_errors_count{operation_type="adal_token"} 1`,
		`aadpodidentity_kubernetes_api_operations_errors_count{operation_type="get_secret"} 1`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if got := strings.Count(page, "aadpodidentity_nmi_operations_duration_seconds_count"); got > 202 {
		t.Errorf("%d series", got)
	}
}
