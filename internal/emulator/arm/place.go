package arm

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// place is what a path names. The names are as the client spelled them, for answers repeat them.
type place struct {
	subscription, group string
	kind                Kind
	name                string
	operation           string // an operation's id; then nothing but subscription is set
	instances           bool   // .../virtualMachines of a scale set
	instance            string // one of those; empty: all
	upgrade             bool   // .../manualupgrade
}

// locate reads a path; case never matters, nor do doubled or trailing slashes.
func locate(path string) (place, *answer) {
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	at := func(i int) string {
		if i < len(segments) {
			return segments[i]
		}
		return ""
	}
	is := func(i int, word string) bool { return strings.EqualFold(at(i), word) }
	p := place{subscription: at(1)}
	switch {
	case !is(0, "subscriptions") || len(segments) < 2:
		return place{}, notFound("InvalidResourceType", "The resource type could not be found.")
	case is(2, "providers") && is(3, "Microsoft.Compute") && is(4, "locations") && is(6, "operations") && len(segments) == 8:
		p.operation = at(7)
		return p, nil
	case !is(2, "resourceGroups") || !is(4, "providers") || len(segments) < 8:
		return place{}, notFound("InvalidResourceType", "The resource type could not be found.")
	case !is(5, "Microsoft.Compute"):
		return place{}, notFound("InvalidResourceNamespace", "The resource namespace '%s' is invalid.", at(5))
	}
	p.group, p.name = at(3), at(7)
	return p.beneath(at(6), segments[8:])
}

// beneath reads the type and what follows the name.
func (p place) beneath(kind string, rest []string) (place, *answer) {
	switch {
	case strings.EqualFold(kind, string(VirtualMachine)):
		p.kind = VirtualMachine
	case strings.EqualFold(kind, string(ScaleSet)):
		p.kind = ScaleSet
	}
	switch {
	case p.kind != "" && len(rest) == 0:
		return p, nil
	case p.kind == ScaleSet && len(rest) == 1 && strings.EqualFold(rest[0], "manualupgrade"):
		p.upgrade = true
		return p, nil
	case p.kind == ScaleSet && len(rest) <= 2 && strings.EqualFold(rest[0], "virtualMachines"):
		p.instances, p.instance = true, strings.Join(rest[1:], "")
		return p, nil
	}
	return place{}, notFound("InvalidResourceType", "The resource type '%s' could not be found in the namespace 'Microsoft.Compute'.",
		strings.Join(append([]string{kind}, rest...), "/"))
}

// resource is the id of what the path names, as the client spelled it.
func (p place) resource() string {
	return Resource{Kind: p.kind, Subscription: p.subscription, Group: p.group, Name: p.name}.ID()
}

// action is what a method does to the place, in the words of role definitions; empty when it does nothing.
func (p place) action(method string) string {
	kind := "Microsoft.Compute/" + string(p.kind)
	switch {
	case p.upgrade && method == http.MethodPost:
		return kind + "/manualupgrade/action"
	case p.upgrade:
		return ""
	case p.instances && method == http.MethodGet:
		return kind + "/virtualMachines/read"
	case p.instances:
		return ""
	case method == http.MethodGet:
		return kind + "/read"
	case p.operation == "" && (method == http.MethodPatch || method == http.MethodPut):
		return kind + "/write"
	}
	return ""
}

var versionForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

// apiVersion reads the query; any date is taken, for what is played here has been the same since 2018.
func apiVersion(query url.Values) (string, *answer) {
	version := query.Get("api-version")
	switch {
	case version == "":
		return "", refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case !versionForm.MatchString(version):
		return "", refuse(http.StatusBadRequest, "InvalidApiVersionParameter", "The api-version '%s' is invalid. It must be a date such as 2024-07-01.", version)
	}
	return version, nil
}

func notFound(code, format string, args ...any) *answer {
	return refuse(http.StatusNotFound, code, format, args...)
}
