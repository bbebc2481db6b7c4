package journal

import (
	"net/http"
	"strings"
)

// graphKind reads /{version}/{set}[/{id}[/{what}[/{which}]]], or /{version}/{set}(appId='...')/...
func graphKind(method string, segments []string) string {
	if len(segments) < 2 {
		return "other"
	}
	set, _, keyed := strings.Cut(strings.ToLower(segments[1]), "(")
	below := segments[2:]
	if keyed { // the id is in the parentheses
		below = append([]string{""}, below...)
	}
	what := ""
	if len(below) > 1 {
		what = strings.ToLower(below[1])
	}
	switch {
	case what == "federatedidentitycredentials":
		return "application-federated-" + graphAction(method, len(below) == 3)
	case what == "addpassword", what == "removepassword":
		return "password-" + strings.TrimSuffix(what, "password")
	case what != "":
		return "other"
	case set == "directoryobjects":
		return "object-list"
	}
	sort, known := map[string]string{
		"applications": "application", "serviceprincipals": "principal", "organization": "organization", "users": "user", "groups": "group",
	}[set]
	if !known {
		return "other"
	}
	return sort + "-" + graphAction(method, len(below) == 1)
}

func graphAction(method string, one bool) string {
	switch {
	case method == http.MethodGet && one:
		return "get"
	case method == http.MethodGet:
		return "list"
	case method == http.MethodPost:
		return "add"
	case method == http.MethodPatch:
		return "update"
	case method == http.MethodDelete:
		return "delete"
	}
	return "other"
}
