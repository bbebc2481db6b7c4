package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"strongroom/internal/secret"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
)

func TestLogLines(t *testing.T) {
	t.Parallel()
	value := secret.NewValue([]byte("planted"))
	var text, object bytes.Buffer
	telemetry.NewLogger(&text, telemetry.LogConfig{}).Info("volume mounted", logkey.Pod, "shop/web-0", "value", value)
	telemetry.NewLogger(&object, telemetry.LogConfig{JSON: true}).Info("volume mounted", logkey.Pod, "shop/web-0", "value", value)

	if got := text.String(); !strings.Contains(got, `msg="volume mounted" pod=shop/web-0`) || strings.Contains(got, "planted") {
		t.Error(got)
	}
	var line map[string]any
	if err := json.Unmarshal(object.Bytes(), &line); err != nil || line["pod"] != "shop/web-0" || strings.Contains(object.String(), "planted") {
		t.Errorf("%v: %s", err, object.String())
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	telemetry.NewLogger(&text, telemetry.LogConfig{}).Debug("health checked")
	if text.Len() != 0 {
		t.Errorf("debug is written without being asked for: %s", text.String())
	}
	telemetry.NewLogger(&text, telemetry.LogConfig{Level: slog.LevelDebug}).Debug("health checked")
	if text.Len() == 0 {
		t.Error("debug is not written though asked for")
	}
}
