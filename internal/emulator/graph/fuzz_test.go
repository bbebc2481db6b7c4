package graph_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// No request of an administrator makes the Graph fail by itself, and what it lists can be listed afterwards.
//
//fuzz:share 5
func FuzzRequest(f *testing.F) {
	f.Add("POST", "v1.0/applications", "", `{"displayName":"x","keyCredentials":[{"key":"MAA="}],"passwordCredentials":[null]}`)
	f.Add("GET", "v1.0/servicePrincipals", "$filter=appId eq 'x''y' and displayName eq null&$top=0", "")
	f.Add("GET", "v1.0/applications(appId='%27')", "$filter=startswith(displayName,'", "")
	f.Add("PATCH", "v1.0/applications/x/federatedIdentityCredentials/y", "", `{"audiences":{}}`)
	f.Add("POST", "v1.0/applications/x/addPassword", "", `{"passwordCredential":{"endDateTime":"9999-99-99"}}`)
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		u := &url.URL{Scheme: "https", Host: "graph.azure.localhost:8443", Path: "/" + path, RawQuery: query}
		r, err := http.NewRequest(method, u.String(), strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer "+w.admin)
		answer := httptest.NewRecorder()
		w.server.ServeHTTP(answer, r)
		if answer.Code >= 500 || answer.Body.Len() > 0 && !json.Valid(answer.Body.Bytes()) {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		mine := *w
		mine.t = t
		mine.must(http.StatusOK, "GET /v1.0/applications?$top=1", "")
	})
}
