package telemetry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"strongroom/internal/fault"
)

// Check is one thing that must be well. Run honours its context.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// Health answers a probe: 200 and "ok" when every check is well within the timeout, else 503 and the first that is not.
// A check that is broken by the prober's leaving counts as not well; nobody reads the answer then. A timeout of 0 means
// 5 s.
func Health(timeout time.Duration, checks ...Check) http.Handler {
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		for _, check := range checks {
			if err := check.Run(ctx); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = fmt.Fprintf(w, "%s: %s\n", check.Name, fault.Explain(err))
				return
			}
		}
		_, _ = io.WriteString(w, "ok")
	})
}
