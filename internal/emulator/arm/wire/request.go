package wire

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom/internal/form"
)

// Region is where everything is.
const Region = "local"

// Caller is whose token came with a request.
type Caller struct{ ObjectID, AppID, TenantID string }

// Request is an authenticated one, read as far as every kind of resource needs it.
type Request struct {
	Caller
	Path    Path
	Method  string
	Host    string // as the client named it, with its port
	Version string // of the interface
	Header  http.Header
	Query   url.Values
	Body    []byte
	Now     time.Time
}

// Read decodes the body, which has to be one JSON object.
func (q Request) Read(into any) *Answer {
	if err := json.Unmarshal(q.Body, into); err != nil {
		return BadContent("it is not the JSON of a resource")
	}
	return nil
}

// Path is what a request is about. Names are as the client spelled them.
type Path struct {
	Subscription, Group string
	// Scope is what stands before the last "providers", without a slash at its end: what an extension resource such as a
	// role assignment belongs to. Empty is the tenant.
	Scope     string
	Namespace string   // of the resource's type; empty for subscriptions, groups and what belongs to no provider
	Rest      []string // types and names beneath the namespace, else beneath subscription and group
}

// ParsePath reads a path; case never matters, nor do doubled or trailing slashes.
func ParsePath(path string) Path {
	var p Path
	all := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	is := func(i int, word string) bool { return i < len(all) && strings.EqualFold(all[i], word) }
	p.Rest = all
	if is(0, "subscriptions") && len(all) > 1 {
		p.Subscription, p.Rest = all[1], all[2:]
		if is(2, "resourceGroups") && len(all) > 3 {
			p.Group, p.Rest = all[3], all[4:]
		}
	}
	end := len(all)
	for i := range all {
		if is(i, "providers") && i+1 < len(all) {
			end, p.Namespace, p.Rest = i, all[i+1], all[i+2:]
		}
	}
	if end > 0 {
		p.Scope = "/" + strings.Join(all[:end], "/")
	}
	return p
}

// At is a segment of Rest; empty past its end.
func (p Path) At(i int) string {
	if i < len(p.Rest) {
		return p.Rest[i]
	}
	return ""
}

// Is compares a segment of Rest without case.
func (p Path) Is(i int, word string) bool { return strings.EqualFold(p.At(i), word) }

// Type is every other segment of Rest, in the order of a type's name: "userAssignedIdentities/federatedIdentityCredentials".
func (p Path) Type() string {
	var words []string
	for i := 0; i < len(p.Rest); i += 2 {
		words = append(words, p.Rest[i])
	}
	return strings.Join(words, "/")
}

// InGroup is the id of a resource of this path's group.
func (p Path) InGroup(kind, name string) string { return ID(p.Subscription, p.Group, kind, name) }

// ID is the id of a resource; kind is a type with its namespace.
func ID(subscription, group, kind, name string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/" + group + "/providers/" + kind + "/" + name
}

// Covers reports whether a resource is a scope or beneath it. It compares whole segments, so that a group is not taken for
// another whose name begins like it.
func Covers(scope, resource string) bool {
	scope = strings.ToLower(strings.TrimRight(scope, "/"))
	rest, beneath := strings.CutPrefix(strings.ToLower(resource), scope)
	return beneath && (rest == "" || rest[0] == '/')
}

var versionForm = form.New(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

// APIVersion reads the query; any date is taken, for what is played here has been the same for years.
func APIVersion(query url.Values) (string, *Answer) {
	version := query.Get("api-version")
	switch {
	case version == "":
		return "", Refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case !versionForm.MatchString(version):
		return "", Refuse(http.StatusBadRequest, "InvalidApiVersionParameter", "The api-version '%s' is invalid. It must be a date such as 2024-07-01.", version)
	}
	return version, nil
}
