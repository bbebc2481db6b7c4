package telemetry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page is what a scrape of everything that can be counted shows.
func page(t *testing.T) string {
	t.Helper()
	m := telemetry.NewMetrics("1.2.3")
	m.Published("azure")
	m.PublishFailed("azure", telemetry.GRPCProviderError)
	m.PublishFailed("azure", "AcmeVaultSealed")
	m.Unpublished()
	m.UnpublishFailed()
	m.Rotated("azure", 150*time.Millisecond)
	m.RotationFailed("azure", telemetry.FileWriteError)
	m.SecretSynced("azure", 150*time.Millisecond)
	m.VaultRead(secret.Certificate, time.Second, nil)
	m.VaultRead(secret.Secret, time.Second, fault.New(fault.Denied, "secret/db", "no"))
	m.VaultRead("blob", time.Second, errors.New("planted"))
	m.ServedRPC("/v1alpha1.CSIDriverProvider/Mount", "OK", time.Second)
	m.ServedRPC("/made/Up", "Planted", time.Second)
	for _, status := range []int{0, 200, 302, 404, 429, 503, 700} {
		m.AzureRequest("keyvault", status)
	}
	m.AzureRequest("planted", 200)
	m.WatchShare(func() map[string]uint64 { return map[string]uint64{"hit": 7, "flight": 2} })
	m.WatchKept(func() int { return 3 }, func() int { return 4096 })
	m.WatchVolumes(func() int { return 5 })
	m.ServedAge(time.Minute, false)
	m.ServedAge(time.Hour, true)
	m.WatchOldest(func() time.Duration { return 90 * time.Second })
	return scrape(t, m)
}

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("HTTP %d, %v", w.Code, err)
	}
	return string(text)
}

func TestNamesAndLabels(t *testing.T) {
	t.Parallel()
	text := page(t)
	for _, want := range []string{
		"strongroom_share_entries 3", "strongroom_share_bytes 4096", "strongroom_volumes 5",
		`node_publish_total{os_type="linux",provider="azure"} 1`,
		`node_publish_error_total{error_type="GRPCProviderError",os_type="linux",provider="azure"} 1`,
		`node_publish_error_total{error_type="other",os_type="linux",provider="azure"} 1`,
		`node_unpublish_total{os_type="linux"} 1`,
		`node_unpublish_error_total{os_type="linux"} 1`,
		`rotation_reconcile_total{os_type="linux",provider="azure",rotated="true"} 1`,
		`rotation_reconcile_error_total{error_type="FileWriteError",os_type="linux",provider="azure",rotated="true"} 1`,
		`rotation_reconcile_duration_sec_bucket{os_type="linux",le="0.1"} 0`,
		`sync_k8s_secret_total{os_type="linux",provider="azure"} 1`,
		`k8s_secret_duration_sec_bucket{os_type="linux",le="0.182"} 1`,
		`rotation_reconcile_duration_sec_bucket{os_type="linux",le="2"} 1`,
		`keyvault_request_count{error="",object_type="cert",os_type="linux",provider="azure",service_name="csi-secrets-store-provider-azure"} 1`,
		`keyvault_request_count{error="denied",object_type="secret",os_type="linux",provider="azure",service_name="csi-secrets-store-provider-azure"} 1`,
		`keyvault_request_count{error="internal",object_type="other",os_type="linux",provider="azure",service_name="csi-secrets-store-provider-azure"} 1`,
		`grpc_request_count{grpc_code="OK",grpc_method="/v1alpha1.CSIDriverProvider/Mount",os_type="linux",provider="azure",service_name="csi-secrets-store-provider-azure"} 1`,
		`grpc_request_count{grpc_code="other",grpc_method="other",os_type="linux",provider="azure",service_name="csi-secrets-store-provider-azure"} 1`,
		`strongroom_azure_requests_total{service="keyvault",status_class="429"} 1`,
		`strongroom_azure_requests_total{service="keyvault",status_class="4xx"} 1`,
		`strongroom_azure_requests_total{service="keyvault",status_class="error"} 2`,
		`strongroom_azure_requests_total{service="other",status_class="2xx"} 1`,
		`strongroom_share_total{outcome="hit"} 7`,
		`strongroom_share_total{outcome="flight"} 2`,
		`strongroom_served_age_seconds_sum{state="stale"} 3600`,
		`strongroom_oldest_served_age_seconds 90`,
		`strongroom_build_info{version="1.2.3"} 1`,
	} {
		want = strings.ReplaceAll(want, `"linux"`, strconv.Quote(runtime.GOOS))
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the page has no line %s", want)
		}
	}
	if strings.Contains(text, "lanted") || strings.Contains(text, "Sealed") {
		t.Error("a label let an arbitrary text through")
	}
}

// TestLint holds our own metrics to the conventions; the names that are others' are listed with what is odd in them.
func TestLint(t *testing.T) {
	t.Parallel()
	inherited := map[string]string{
		"rotation_reconcile_duration_sec": `metric names should not contain abbreviated units`,
		"k8s_secret_duration_sec":         `metric names should not contain abbreviated units`,
	}
	problems, err := promlint.New(strings.NewReader(page(t))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range problems {
		got[p.Metric] = p.Text
	}
	if diff := cmp.Diff(inherited, got); diff != "" {
		t.Error(diff)
	}
}

func TestProviderNamesCannotFillTheMemory(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("x")
	m.Published("azure")
	for i := range 1000 {
		m.Published(fmt.Sprintf("made-up-%d", i))
	}
	m.Published("azure")
	text := scrape(t, m)
	if n := strings.Count(text, "node_publish_total{"); n > 20 {
		t.Errorf("%d series", n)
	}
	if !strings.Contains(text, `provider="azure"} 2`) || !strings.Contains(text, `provider="other"`) {
		t.Error("a provider in use lost its label, or the others have none")
	}
}
