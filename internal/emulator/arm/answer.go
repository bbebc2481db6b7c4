package arm

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
)

// answer is what a request comes to; the error forms below are answers too.
type answer struct {
	status int
	header map[string]string
	body   any // nil: none
}

// failure is an error as the wire spells it, in answers and in the status of operations.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func refuse(status int, code, format string, args ...any) *answer {
	return &answer{status: status, body: map[string]failure{"error": {code, fmt.Sprintf(format, args...)}}}
}

func badContent(format string, args ...any) *answer {
	return refuse(http.StatusBadRequest, "InvalidRequestContent",
		"The request content was invalid and could not be deserialized: '%s'.", fmt.Sprintf(format, args...))
}

func (a *answer) write(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Ms-Request-Id", newID())
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

// newID is a random GUID, for operations and traces.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
