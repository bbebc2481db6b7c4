package kubefake

import (
	"fmt"
	"net/http"
	"strings"
)

// status is a refusal in the words API servers use, which people and programs search for.
type status struct {
	code            int
	reason, message string
	details         Object
	retryAfter      int // seconds
}

func refuse(w http.ResponseWriter, s status) {
	if s.retryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(s.retryAfter))
	}
	answer(w, s.code, s.object())
}

func (s status) object() Object {
	o := Object{"kind": "Status", "apiVersion": "v1", "metadata": Object{}, "status": "Failure", "message": s.message, "reason": s.reason, "code": s.code}
	details := Object{}
	for key, value := range s.details {
		details[key] = value
	}
	if s.retryAfter > 0 {
		details["retryAfterSeconds"] = s.retryAfter
	}
	if len(details) > 0 {
		o["details"] = details
	}
	return o
}

// qualified is a kind's plural with its group: secretproviderclasses.secrets-store.csi.x-k8s.io.
func (k *kind) qualified() string {
	if g := group(k.root); g != "" {
		return k.plural + "." + g
	}
	return k.plural
}

func group(root string) string {
	if parts := strings.Split(root, "/"); len(parts) == 3 {
		return parts[1]
	}
	return ""
}

func about(q request, k *kind) Object {
	return Object{"name": q.name, "group": group(k.root), "kind": k.plural}
}

func undefined() status {
	return status{code: http.StatusNotFound, reason: "NotFound", message: "the server could not find the requested resource", details: Object{}}
}

func notFound(q request, k *kind) *status {
	return &status{code: http.StatusNotFound, reason: "NotFound", message: fmt.Sprintf("%s %q not found", k.qualified(), q.name), details: about(q, k)}
}

func alreadyExists(q request, k *kind) *status {
	return &status{code: http.StatusConflict, reason: "AlreadyExists", message: fmt.Sprintf("%s %q already exists", k.qualified(), q.name), details: about(q, k)}
}

func conflict(q request, k *kind, why string) *status {
	return &status{code: http.StatusConflict, reason: "Conflict", message: fmt.Sprintf("Operation cannot be fulfilled on %s %q: %s", k.qualified(), q.name, why), details: about(q, k)}
}

func invalid(q request, k *kind, field, why string) *status {
	details := about(q, k)
	details["causes"] = []any{Object{"reason": "FieldValueInvalid", "message": why, "field": field}}
	return &status{code: http.StatusUnprocessableEntity, reason: "Invalid", message: fmt.Sprintf("%s %q is invalid: %s: %s", k.name, q.name, field, why), details: details}
}

func badRequest(why string) status {
	return status{code: http.StatusBadRequest, reason: "BadRequest", message: why}
}

func unsupported(what string) status {
	return status{code: http.StatusUnsupportedMediaType, reason: "UnsupportedMediaType", message: "cannot do: " + what}
}

func gone(version int64, oldest int64) status {
	return status{code: http.StatusGone, reason: "Expired", message: fmt.Sprintf("too old resource version: %d (%d)", version, oldest)}
}
