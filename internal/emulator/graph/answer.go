package graph

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"strongroom/internal/fault"
)

// answer is what a request comes to; refusals are answers too.
type answer struct {
	status  int
	code    string // of a refusal
	message string
	body    any // nil: none
	context string
}

func refuse(status int, code, format string, args ...any) *answer {
	return &answer{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func missing(id string) *answer {
	return refuse(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)
}

func malformed(format string, args ...any) *answer {
	return refuse(http.StatusBadRequest, "Request_BadRequest", format, args...)
}

func taken(format string, args ...any) *answer {
	return refuse(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", format, args...)
}

// failed turns what the directory says into what Graph says.
func failed(err error, id string) *answer {
	switch fault.KindOf(err) {
	case fault.NotFound:
		return missing(id)
	case fault.Busy:
		return taken("%s", err)
	case fault.Invalid:
		return malformed("%s", err)
	}
	return refuse(http.StatusInternalServerError, "InternalServerError", "%s", err)
}

// one answers a single object, with the context that says what it is.
func one(status int, context string, object any) *answer {
	return &answer{status: status, body: object, context: context + "/$entity"}
}

func all[T any](context string, list []T) *answer {
	if list == nil {
		list = []T{}
	}
	return &answer{status: http.StatusOK, body: map[string]any{"value": list}, context: context}
}

func done() *answer { return &answer{status: http.StatusNoContent} }

// failureBody is a refusal as the wire spells it.
type failureBody struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Inner   map[string]string `json:"innerError"`
}

func (a *answer) write(w http.ResponseWriter, r *http.Request, now time.Time) {
	id := newGUID()
	client := r.Header.Get("client-request-id")
	if client == "" {
		client = id
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("request-id", id)
	w.Header().Set("client-request-id", client)
	if a.code == "" && a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	body := a.body
	if a.code != "" {
		body = map[string]failureBody{"error": {a.code, a.message,
			map[string]string{"date": now.Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": client}}}
	}
	text, err := withContext(body, a.context, r)
	if err != nil { // texts, times and numbers always encode
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = w.Write(text)
}

// withContext puts @odata.context before an object's own fields.
func withContext(body any, context string, r *http.Request) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil || context == "" {
		return text, err
	}
	head, err := json.Marshal("https://" + r.Host + "/" + versionOf(r.URL.Path) + "/$metadata#" + context)
	if err != nil {
		return nil, err
	}
	return []byte(`{"@odata.context":` + string(head) + "," + strings.TrimPrefix(string(text), "{")), nil
}

// newGUID is a random one.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
