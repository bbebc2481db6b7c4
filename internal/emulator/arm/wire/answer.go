package wire

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
)

// Answer is what a request comes to; refusals are answers too.
type Answer struct {
	Status int
	Header map[string]string
	Body   any // nil: none
}

// Failure is an error as the wire spells it, in answers and in the status of operations.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// OK is an answer of 200 with a body.
func OK(body any) *Answer { return &Answer{Status: http.StatusOK, Body: body} }

// Created is 201 for what is new, and 200 for what was there already.
func Created(isNew bool, body any) *Answer {
	if isNew {
		return &Answer{Status: http.StatusCreated, Body: body}
	}
	return OK(body)
}

// Gone answers a DELETE: 200, or 204 when there was nothing to delete.
func Gone(there bool) *Answer {
	if there {
		return &Answer{Status: http.StatusOK}
	}
	return &Answer{Status: http.StatusNoContent}
}

// List is a page that is the last one. A nil list is an empty one on the wire.
func List[T any](items []T) *Answer {
	if items == nil {
		items = []T{}
	}
	return OK(map[string]any{"value": items})
}

// Refuse is an error in the resource manager's own form.
func Refuse(status int, code, format string, args ...any) *Answer {
	return &Answer{Status: status, Body: map[string]Failure{"error": {code, fmt.Sprintf(format, args...)}}}
}

// NotFound is a refusal of 404.
func NotFound(code, format string, args ...any) *Answer {
	return Refuse(http.StatusNotFound, code, format, args...)
}

// NoSuchResource is the 404 for a resource by its type and name.
func NoSuchResource(kind, name, group string) *Answer {
	return NotFound("ResourceNotFound", "The Resource '%s/%s' under resource group '%s' was not found. "+
		"For more details please go to https://aka.ms/ARMResourceNotFoundFix", kind, name, group)
}

// NoSuchType is the 404 for a type that a namespace does not have.
func NoSuchType(kind, namespace string) *Answer {
	return NotFound("InvalidResourceType", "The resource type '%s' could not be found in the namespace '%s'.", kind, namespace)
}

// NoMethod is the 405 for a method that a resource does not have.
func NoMethod(method string) *Answer {
	return Refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The requested resource does not support http method '%s'.", method)
}

// BadContent refuses a body that cannot be read.
func BadContent(format string, args ...any) *Answer {
	return Refuse(http.StatusBadRequest, "InvalidRequestContent",
		"The request content was invalid and could not be deserialized: '%s'.", fmt.Sprintf(format, args...))
}

// Write sends the answer.
func (a *Answer) Write(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Ms-Request-Id", NewID())
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	if a.Body == nil {
		w.WriteHeader(a.Status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.Status)
	_ = json.NewEncoder(w).Encode(a.Body) // the client may have gone; nobody is left to tell
}

// NewID is a random GUID, for operations, traces and principals that have no id from a document.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
