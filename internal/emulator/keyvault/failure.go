package keyvault

import (
	"fmt"
	"net/http"

	"strongroom/internal/fault"
)

// failure is an error answer. Nil is none.
type failure struct {
	status  int
	code    string
	inner   string
	message string
}

func (f *failure) body() any {
	type inner struct {
		Code string `json:"code"`
	}
	type outer struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Inner   *inner `json:"innererror,omitempty"`
	}
	o := outer{Code: f.code, Message: f.message}
	if f.inner != "" {
		o.Inner = &inner{f.inner}
	}
	return map[string]outer{"error": o}
}

func badParameter(format string, args ...any) *failure {
	return &failure{http.StatusBadRequest, "BadParameter", "", fmt.Sprintf(format, args...)}
}

func forbidden(inner, format string, args ...any) *failure {
	return &failure{http.StatusForbidden, "Forbidden", inner, fmt.Sprintf(format, args...)}
}

func conflict(inner, format string, args ...any) *failure {
	return &failure{http.StatusConflict, "Conflict", inner, fmt.Sprintf(format, args...)}
}

func unauthorized(message string) *failure {
	return &failure{http.StatusUnauthorized, "Unauthorized", "", message}
}

// failed turns an error of the rooms below into an answer: what is Invalid or Unsupported is the client's to mend, the
// rest is ours and keeps its cause to itself.
func failed(err error) *failure {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Unsupported:
		return badParameter("%s", err)
	}
	return &failure{http.StatusInternalServerError, "InternalServerError", "", "The request could not be processed."}
}

func (k noun) notFound(id string) *failure {
	return &failure{http.StatusNotFound, k.title + "NotFound", "", fmt.Sprintf("A %s with (name/id) %s was not found in "+
		"this key vault. If you recently deleted this %s you may be able to recover it using the correct recovery command. "+
		"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182", k.word, id, k.word)}
}

func (k noun) deletedNotFound(name string) *failure {
	return &failure{http.StatusNotFound, k.title + "NotFound", "", fmt.Sprintf("Deleted %s not found: %s", k.title, name)}
}

func (k noun) recoverable(name string) *failure {
	return conflict("ObjectIsDeletedButRecoverable", "%s %s is currently in a deleted but recoverable state, and its name "+
		"cannot be reused; in this state, the %s can only be recovered or purged.", k.title, name, k.word)
}

func (k noun) beingDeleted() *failure {
	return conflict("ObjectIsBeingDeleted", "%s is currently being deleted.", k.title)
}

func (k noun) beingRecovered() *failure {
	return conflict("ObjectIsBeingRecovered", "%s is currently being recovered.", k.title)
}

func (k noun) managed(operation, name string) *failure {
	return forbidden("", "Operation %s is not allowed on %s %s: it is managed by the certificate of that name.",
		operation, k.word, name)
}

// noun is what an area's objects are called in texts and codes.
type noun struct{ title, word string }

func (a Area) noun() noun {
	switch a {
	case Keys:
		return noun{"Key", "key"}
	case Certificates:
		return noun{"Certificate", "certificate"}
	}
	return noun{"Secret", "secret"}
}
