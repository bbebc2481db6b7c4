package arm_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// No request of somebody who may do everything makes the resource manager fail by itself, and the machine can be read
// afterwards.
//
//fuzz:share 5
func FuzzRequest(f *testing.F) {
	f.Add("PATCH", strings.TrimPrefix(vm, "/"), "api-version=2024-07-01", `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+identity+`a":{}}}}`)
	f.Add("PUT", strings.TrimPrefix(identity, "/")+"z/federatedIdentityCredentials/x", "api-version=2023-01-31", `{"properties":{"issuer":"https://i","subject":"s","audiences":["a"]}}`)
	f.Add("GET", "subscriptions", "api-version=x&$skiptoken=-1&$top=9999999999999999999", "")
	f.Add("PUT", strings.TrimPrefix(group, "/")+"/providers/Microsoft.KeyVault/vaults/kv", "api-version=2023-07-01", `{"properties":{"accessPolicies":[null]}}`)
	f.Add("PUT", strings.TrimPrefix(group, "/")+"/providers/Microsoft.Authorization/roleAssignments/x", "api-version=2022-04-01", `null`)
	f.Add("POST", strings.TrimPrefix(pool, "/")+"/manualupgrade", "api-version=2024-07-01", `{"instanceIds":["*","-1",null]}`)
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		u := &url.URL{Scheme: "https", Host: "management.azure.localhost:8443", Path: "/" + path, RawQuery: query}
		r, err := http.NewRequest(method, u.String(), strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer "+w.owner)
		answer := httptest.NewRecorder()
		w.server.ServeHTTP(answer, r)
		if answer.Code >= 500 || answer.Body.Len() > 0 && !json.Valid(answer.Body.Bytes()) {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		mine := *w
		mine.t = t
		if got := mine.ask(w.owner, "GET", vm+version, ""); got.status != http.StatusOK && method != http.MethodDelete {
			t.Fatalf("afterwards: %d %s", got.status, got.text)
		}
	})
}
