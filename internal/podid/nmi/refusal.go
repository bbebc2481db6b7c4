package nmi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"strongroom/internal/fault"
)

// refusal is what a request gets in place of a token. Its text goes to the pod: it names objects and what mends them, and
// holds no secret.
type refusal struct {
	status int
	err    error
	again  time.Duration // when to come back; 0 says nothing
}

// comeBack is how long a client is told to wait while an identity is being assigned. Clients of the original know the
// number.
const comeBack = 20 * time.Second

func refuse(status int, err error) *refusal { return &refusal{status: status, err: err} }

// badRequest is a request that no state of the cluster could answer. Its text is all there is.
func badRequest(text string) *refusal {
	return refuse(http.StatusBadRequest, &fault.Error{Kind: fault.Invalid, Message: text})
}

// later is for what passes by itself.
func later(err error, again time.Duration) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, err: err, again: again}
}

// withoutToken is the refusal of an identity whose token could not be had: 403 when somebody understood and said no or
// when only an edit helps, 503 when it passes.
func withoutToken(err error) *refusal {
	wait := fault.RetryAfterOf(err)
	switch kind := fault.KindOf(err); {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return later(err, time.Second)
	case kind == fault.Unavailable, kind == fault.Throttled, kind == fault.Busy:
		return later(err, max(wait, time.Second))
	case kind == fault.Internal:
		return refuse(http.StatusInternalServerError, err)
	}
	return refuse(http.StatusForbidden, err)
}

// write answers with the refusal's one line.
func (r *refusal) write(w http.ResponseWriter) {
	if r.again > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.again.Seconds()))))
	}
	http.Error(w, fault.Explain(r.err), r.status)
}

// withoutHeader is the answer to a request without its Metadata header, in the metadata service's own words.
func withoutHeader(w http.ResponseWriter, r *http.Request) {
	drop(w, r)
	const body = `{"error":"invalid_request","error_description":"Required metadata header not specified"}` + "\n"
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(body)) // the client has gone: nobody is left to be told
}
