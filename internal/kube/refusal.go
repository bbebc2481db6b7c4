package kube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/internal/fault"
	"strongroom/internal/form"
)

// longestLine bounds what of the server's words is repeated.
const longestLine = 600

// String names the call for errors: "patch secrets shop/db".
func (r call) String() string { return strings.ToLower(r.verb) + " " + strings.Join(r.path, "/") }

// refusal is the one place where an API error becomes a fault. The server's words are kept, since people search for
// them, but for what it may quote of a Secret.
func refusal(err error, r call) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return unreached(err, r)
	}
	s := status.Status()
	f := fault.New(kindOf(s), "", "%s", words(s, r))
	if f.Kind != fault.NotFound { // its text is the whole line, as everybody knows it
		f.Remote = fault.Remote{Status: int(s.Code), Code: string(s.Reason)}
	}
	if s.Details != nil {
		f.RetryAfter = time.Duration(s.Details.RetryAfterSeconds) * time.Second
	}
	return mended(f, s, r)
}

// kindOf sorts by the status code; reasons are as many as there are servers.
func kindOf(s metav1.Status) fault.Kind {
	switch {
	case s.Code == http.StatusNotFound && undefined(s), s.Code == http.StatusGone, s.Code == http.StatusRequestTimeout:
		return fault.Unavailable
	case s.Code == http.StatusNotFound:
		return fault.NotFound
	case s.Code == http.StatusUnauthorized:
		return fault.Expired
	case s.Code == http.StatusForbidden:
		return fault.Denied
	case s.Code == http.StatusConflict:
		return fault.Busy
	case s.Code == http.StatusTooManyRequests:
		return fault.Throttled
	case s.Code >= 500:
		return fault.Unavailable
	case s.Code >= 400:
		return fault.Invalid
	}
	return fault.Unavailable
}

// undefined is true when the server does not know the kind, in contrast to the object.
func undefined(s metav1.Status) bool { return s.Details == nil || s.Details.Name == "" }

// mended says what would help, where that is known.
func mended(f *fault.Error, s metav1.Status, r call) *fault.Error {
	switch {
	case s.Code == http.StatusNotFound && undefined(s) && slices.Contains(r.path, identities.root):
		return f.Mend("install the definitions: strongroom crds --pod-identity --apply")
	case s.Code == http.StatusNotFound && undefined(s):
		return f.Mend("install the definitions: strongroom crds --apply")
	case s.Code == http.StatusUnauthorized:
		return f.Mend("check that the ServiceAccount still exists and its token is mounted, or log in anew")
	case s.Code == http.StatusForbidden:
		if d := denied.FindStringSubmatch(s.Message); d != nil {
			return permission(f, d[1], d[2], d[3], d[4], d[5])
		}
	}
	return f
}

// denied takes the API server's RBAC refusal apart: user, verb, resource, group, and the namespace if there is one.
var denied = form.New(`User "([^"]*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?`)

// permission names the missing permission, whose it is, and the command that tells whether it is there by now.
func permission(f *fault.Error, user, verb, resource, group, namespace string) *fault.Error {
	plural, sub, _ := strings.Cut(resource, "/")
	if group != "" {
		plural += "." + group
	}
	where, flags := " cluster-wide", ""
	if namespace != "" {
		where, flags = " in namespace "+namespace, " -n "+namespace
	}
	if sub != "" {
		flags += " --subresource=" + sub
		sub = "/" + sub
	}
	who := "user " + user
	if account, is := strings.CutPrefix(user, "system:serviceaccount:"); is {
		who = "ServiceAccount " + strings.Replace(account, ":", "/", 1)
	}
	return f.Mend("let %s %s %s%s%s by a role and its binding; to check: kubectl auth can-i %s %s%s --as=%s",
		who, verb, plural, sub, where, verb, plural, flags, user)
}

// words is what the server said, in one line. Of a Secret that it finds wrong only the fields are told and why, not
// what it quotes.
func words(s metav1.Status, r call) string {
	text := s.Message
	switch {
	case s.Code == http.StatusNotFound && undefined(s):
		text = "the API server does not know this kind: " + r.String()
	case slices.Contains(r.path, secrets.plural) && s.Code >= 400 && s.Code < 500 && kindOf(s) == fault.Invalid:
		text = r.String() + " was refused" + fields(s)
	case text == "":
		text = "the API server refused to " + r.String()
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longestLine {
		text = strings.ToValidUTF8(text[:longestLine], "") + "..."
	}
	return text
}

// fields lists what is wrong with which field, without the value that the server quotes between the two.
func fields(s metav1.Status) string {
	if s.Details == nil {
		return ""
	}
	var all []string
	for _, cause := range s.Details.Causes {
		why := cause.Message
		if end := strings.LastIndex(why, `": `); end >= 0 {
			why = why[end+len(`": `):]
		} else if strings.Contains(why, ": ") {
			why = string(cause.Type)
		}
		all = append(all, cause.Field+": "+why)
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, ", ")
}

// unreached is the fault of a call that got no answer from an API server.
func unreached(err error, r call) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text would repeat method and address
	}
	f := fault.Wrap(err, fault.Unavailable, "API server", "no answer to %s", r)
	if errors.Is(err, context.Canceled) {
		f.Message = r.String() + " was given up"
	}
	return f
}
