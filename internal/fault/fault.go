// Package fault gives every error a kind, a subject, a cause and a remedy. Each door (gRPC, HTTP, exit codes, events)
// maps the closed set of kinds to its own codes; nobody else looks into error texts. Errors are logged once, at the
// top, by the door that answers.
package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind says what sort of failure this is, and so what a caller can do about it.
type Kind uint8

// The closed set of kinds. The zero Kind is Internal: an error nobody classified is our own fault.
const (
	Internal    Kind = iota // a defect or a local failure (disk, mount); retrying may help
	Invalid                 // the request or a manifest is wrong; only an edit helps
	NotFound                // what was named does not exist
	Denied                  // the identity is known and may not
	Expired                 // the proof (token, certificate, secret) is past its time or not yet valid
	Throttled               // asked too much; wait for RetryAfter
	Unavailable             // the other side did not answer, or not sensibly; retry later
	Busy                    // another operation on the same thing is running
	Unsupported             // cannot be done here, ever
)

var names = [...]string{"internal", "invalid", "not-found", "denied", "expired", "throttled", "unavailable", "busy", "unsupported"}

// String is the kind's name in lower case with dashes, used as metric label and in JSON.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "internal"
}

// ParseKind is the inverse of String; an unknown name is Internal.
func ParseKind(s string) Kind {
	for i, n := range names {
		if n == s {
			return Kind(i)
		}
	}
	return Internal
}

// Refusal reports whether the other side understood and said no: cached content must then be forgotten at once,
// where an outage would let it stand.
func (k Kind) Refusal() bool { return k == Denied || k == NotFound || k == Expired }

// Remote is what a server said of a failed call. Zero fields were not given.
type Remote struct {
	Status    int    // HTTP status
	Code      string // the service's own code, e.g. Forbidden/ForbiddenByRbac or AADSTS700213
	RequestID string // the id to quote to the service's support
}

// Error is the one error type that crosses rooms.
type Error struct {
	Kind       Kind
	Subject    string        // what it is about: "secret/db-password", "parameter tenantId", a path
	Message    string        // what happened, lower case, one line, no value in it
	Cause      error         // may be nil
	Remedy     string        // what would mend it, often a command; may be empty
	RetryAfter time.Duration // how long the other side asked to wait; 0 when it did not
	Remote     Remote
}

// New makes an error of a kind about a subject.
func New(kind Kind, subject, format string, args ...any) *Error {
	return &Error{Kind: kind, Subject: subject, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause.
func Wrap(cause error, kind Kind, subject, format string, args ...any) *Error {
	e := New(kind, subject, format, args...)
	e.Cause = cause
	return e
}

// Mend sets the remedy and returns the same error, for chaining.
func (e *Error) Mend(format string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(format, args...)
	return e
}

// Error is "subject: message (HTTP 403 Forbidden/ForbiddenByRbac, request id ...): cause", without the remedy.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Subject != "" {
		b.WriteString(e.Subject + ": ")
	}
	b.WriteString(e.Message)
	if r := e.Remote.String(); r != "" {
		b.WriteString(" (" + r + ")")
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return oneLine(b.String())
}

func (e *Error) Unwrap() error { return e.Cause }

// String lists what is known, comma separated; empty when nothing is.
func (r Remote) String() string {
	var parts []string
	if r.Status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("HTTP %d %s", r.Status, r.Code)))
	} else if r.Code != "" {
		parts = append(parts, r.Code)
	}
	if r.RequestID != "" {
		parts = append(parts, "request id "+r.RequestID)
	}
	return strings.Join(parts, ", ")
}

// KindOf is the kind of the first classified error in the chain, Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// RetryAfterOf is the longest wait asked for anywhere in the chain.
func RetryAfterOf(err error) time.Duration {
	var longest time.Duration
	walk(err, func(e *Error) { longest = max(longest, e.RetryAfter) })
	return longest
}

// Remedies lists every distinct remedy in the chain, outermost first.
func Remedies(err error) []string {
	var list []string
	seen := map[string]bool{}
	walk(err, func(e *Error) {
		if e.Remedy != "" && !seen[e.Remedy] {
			seen[e.Remedy] = true
			list = append(list, e.Remedy)
		}
	})
	return list
}

// Explain is the error on one line followed by what would mend it: the form people see.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	text := oneLine(err.Error())
	if r := Remedies(err); len(r) > 0 {
		text += "; to mend: " + oneLine(strings.Join(r, " ; "))
	}
	return text
}

func walk(err error, visit func(*Error)) {
	switch e := err.(type) {
	case nil:
		return
	case *Error:
		visit(e)
		walk(e.Cause, visit)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			walk(inner, visit)
		}
	case interface{ Unwrap() error }:
		walk(e.Unwrap(), visit)
	}
}

func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n\t") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// Shorten cuts what somebody wrote to 80 bytes, so that a message that quotes it stays one readable line whatever it
// was.
func Shorten(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

// Bound cuts the middle out of a text longer than limit bytes, and says in its place how much is missing: what failed
// stands at the beginning of an error, and what mends it at the end. The note makes the text up to 40 bytes longer than
// limit.
func Bound(text string, limit int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= limit {
		return text
	}
	head, tail := limit*2/3, len(text)-limit/3
	for !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return text[:head] + " ... (" + strconv.Itoa(tail-head) + " bytes left out) ... " + text[tail:]
}
