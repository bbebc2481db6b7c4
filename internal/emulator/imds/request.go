package imds

import (
	"net/http"
	"net/url"

	"strongroom/internal/form"
)

// The identity endpoint's first and last known versions, and what a wrong one is told.
const (
	firstVersion = "2018-02-01"
	lastVersion  = "2025-04-07"
)

var versionForm = form.New(`^\d{4}-\d{2}-\d{2}$`)

func newestVersions() []string { return []string{"2025-04-07", "2024-07-17", "2024-03-15"} }

// problem is an answer that is not a token.
type problem struct {
	status int
	body   any
}

func (p *problem) write(w http.ResponseWriter) { writeJSON(w, p.status, p.body) }

func refuse(status int, code, text string) *problem {
	return &problem{status, map[string]string{"error": code, "error_description": text}}
}

func badRequest(text string) *problem { return refuse(http.StatusBadRequest, "invalid_request", text) }

// checkHeaders refuses what a request forged through somebody's server would look like: no Metadata header, or traces
// of a proxy. A probe has no header either, and any quick answer tells it that the service is there.
func checkHeaders(r *http.Request) *problem {
	switch {
	case r.Method != http.MethodGet:
		return refuse(http.StatusMethodNotAllowed, "invalid_request", "Only GET is supported")
	case len(r.Header.Values("X-Forwarded-For")) > 0:
		return badRequest("X-Forwarded-For header is not supported")
	case r.Header.Get("Metadata") != "true":
		return badRequest("Required metadata header not specified")
	}
	return nil
}

type query struct {
	resource string
	selector selector
}

// selector names one identity by one of its names. The zero selector names none.
type selector struct {
	by    string // clientID, objectID or resourceID
	value string
}

// selectorNames maps every spelling SDKs use to what it selects by.
func selectorNames() map[string]string {
	return map[string]string{
		"client_id": "clientID",
		"object_id": "objectID", "principal_id": "objectID",
		"msi_res_id": "resourceID", "mi_res_id": "resourceID",
	}
}

func parseQuery(r *http.Request) (query, *problem) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return query{}, badRequest("The query cannot be read")
	}
	for name, given := range values {
		if len(given) > 1 {
			return query{}, badRequest("Duplicate query parameter " + name)
		}
	}
	if v := values.Get("api-version"); !versionForm.MatchString(v) || v < firstVersion || v > lastVersion {
		return query{}, &problem{http.StatusBadRequest, map[string]any{
			"error":           "Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds",
			"newest-versions": newestVersions(),
		}}
	}
	q := query{resource: values.Get("resource")}
	if q.resource == "" {
		return query{}, badRequest("Required query variable 'resource' is missing")
	}
	for name, by := range selectorNames() {
		if !values.Has(name) {
			continue
		}
		if q.selector.by != "" {
			return query{}, badRequest("Only one of client_id, object_id and msi_res_id may be given")
		}
		q.selector = selector{by, values.Get(name)}
	}
	return q, nil
}
