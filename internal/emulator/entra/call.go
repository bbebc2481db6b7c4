package entra

import (
	"encoding/json"
	"net/http"
	"time"
)

// version is which generation of the endpoints was called.
type version int

const (
	versionOne version = iota + 1
	versionTwo
)

// call is one request with the ids its answer carries.
type call struct {
	w             http.ResponseWriter
	r             *http.Request
	now           time.Time
	trace         string
	correlationID string
}

func (s *Server) newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{w: w, r: r, now: s.clock.Now().UTC(), trace: newGUID(), correlationID: correlationOf(r)}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-request-id", c.trace)
	if r.Header.Get("return-client-request-id") == "true" {
		h.Set("client-request-id", c.correlationID)
	}
	return c
}

// correlationOf is the id the client chose, in the header or the query, or a new one.
func correlationOf(r *http.Request) string {
	for _, id := range []string{r.Header.Get("client-request-id"), r.URL.Query().Get("client-request-id")} {
		if isGUID(id) {
			return id
		}
	}
	return newGUID()
}

// origin is scheme and host as the client called us: everything we point to is at the same place.
func (c *call) origin() string {
	if c.r.TLS == nil {
		return "http://" + c.r.Host
	}
	return "https://" + c.r.Host
}

func (c *call) answer(status int, body any) {
	c.w.WriteHeader(status)
	encoder := json.NewEncoder(c.w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // a client that went away needs no answer
}
