package telemetry

import (
	"io"
	"log/slog"
)

// LogConfig says how log lines look. The zero value is text at level info.
type LogConfig struct {
	// JSON writes one JSON object per line in place of key=value text.
	JSON bool
	// Level is the least that is written. Debug adds health checks and what was left as it was; no level shows
	// secrets, tokens or their attributes.
	Level slog.Level
}

// NewLogger writes to w. Messages are lower case and say what came of something; the rest is in attributes under the
// keys of logkey.
func NewLogger(w io.Writer, cfg LogConfig) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.JSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
