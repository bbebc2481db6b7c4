package kube

import (
	"log/slog"
	"sync"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// grace is how long a watch may be between two connections and still be believed: the server ends each after some
// minutes, and the next stands within milliseconds.
const grace = 2 * time.Second

// health knows whether a watch stands, and tells when it fails and when it is back. Both once: a server that is down for
// an hour is one line, not one per try.
type health struct {
	what  string
	log   *slog.Logger
	clock clock.Clock

	mu      sync.Mutex
	open    int       // connections that stand; two for a moment when one takes over from another
	ended   time.Time // when the last one ended
	failing time.Time // since when nothing succeeded; zero while all is well
}

// heard reports whether what the watch holds was what the server had, but for what is on its way, within that time.
func (h *health) heard(within time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open > 0 || !h.ended.IsZero() && h.clock.Now().Sub(h.ended) <= within
}

// opened notes that a watch stands, and gives what notes its end.
func (h *health) opened() (closed func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open++
	h.log.Debug("watching", slog.String(logkey.Resource, h.what))
	if !h.failing.IsZero() {
		h.log.Info("watching again", slog.String(logkey.Resource, h.what), slog.Duration(logkey.Took, h.clock.Now().Sub(h.failing)))
		h.failing = time.Time{}
	}
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.open--
		h.ended = h.clock.Now()
	})
}

// failed notes that a list or a watch was refused or got no answer.
func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.failing.IsZero() {
		return
	}
	h.failing = h.clock.Now()
	h.log.Warn("cannot be watched, and is tried again", slog.String(logkey.Resource, h.what), slog.String(logkey.Error, fault.Explain(err)))
}
