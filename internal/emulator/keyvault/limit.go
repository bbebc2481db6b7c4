package keyvault

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// window is how much of a vault's limit has been used.
type window struct {
	began time.Time
	used  int
}

// usualWindow is the time that the service's published limits are for.
const usualWindow = 10 * time.Second

// take uses up one request of a limit; where none is left it says how long there will be none.
func (w *window) take(l Limit, now time.Time) (wait time.Duration) {
	if l.Requests <= 0 {
		return 0
	}
	per := l.Per
	if per <= 0 {
		per = usualWindow
	}
	if passed := now.Sub(w.began); passed >= per || passed < 0 {
		*w = window{began: now}
	}
	if w.used >= l.Requests {
		return w.began.Add(per).Sub(now)
	}
	w.used++
	return 0
}

// throttled answers in place of a vault that is asked too much, which does not even look who asks.
func (s *Server) throttled(w http.ResponseWriter, name string) bool {
	v, err := s.vault(name)
	if err != nil {
		return false
	}
	v.mu.Lock()
	wait := v.window.take(v.traits.Limit, s.cfg.Clock.Now())
	v.mu.Unlock()
	if wait <= 0 {
		return false
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	f := failure{status: http.StatusTooManyRequests, code: "Throttled",
		message: "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"}
	write(w, f.status, f.body())
	return true
}
