package imds_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/imds"
	"strongroom/internal/secret"
)

// signer issues a token that says for whom it is.
type signer struct{ clock *clock.Fake }

func (s signer) Issue(objectID, resource string, _ entra.Grant) (entra.Token, error) {
	if resource == "https://unknown.example" {
		return entra.Token{}, entra.UnknownResource
	}
	now := s.clock.Now()
	return entra.Token{
		Value: secret.NewValue([]byte("token for " + objectID)), Resource: resource,
		Principal: entra.Principal{ClientID: "client of " + objectID},
		NotBefore: now.Add(-time.Minute), ExpiresOn: now.Add(time.Hour),
	}, nil
}

func principal(name string) entra.Principal {
	return entra.Principal{Name: name, ClientID: name + "-client", ObjectID: name, ResourceID: "/subscriptions/s/" + name}
}

func node(system bool, user ...string) imds.Assigned {
	var have imds.Assigned
	if system {
		p := principal("system")
		have.System = &p
	}
	for _, name := range user {
		have.User = append(have.User, principal(name))
	}
	return have
}

const good = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"

func ask(t *testing.T, have imds.Assigned, target string, mutate func(*http.Request)) (int, map[string]any) {
	t.Helper()
	fake := clock.NewFake()
	server := imds.New(imds.Config{Assigned: func() imds.Assigned { return have }, Tokens: signer{fake}, Clock: fake})
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Metadata", "true")
	if mutate != nil {
		mutate(r)
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v in %s", target, err, w.Body)
	}
	return w.Code, body
}

func TestNumbersAreStrings(t *testing.T) {
	t.Parallel()
	status, body := ask(t, node(true), good, nil)
	now := clock.NewFake().Now()
	want := map[string]any{
		"access_token": "token for system", "refresh_token": "", "client_id": "client of system",
		"expires_in": "3600", "expires_on": strconv.FormatInt(now.Add(time.Hour).Unix(), 10),
		"not_before": strconv.FormatInt(now.Add(-time.Minute).Unix(), 10),
		"resource":   "https://vault.azure.net", "token_type": "Bearer",
	}
	if diff := cmp.Diff(want, body); status != 200 || diff != "" {
		t.Errorf("status %d (-want +got):\n%s", status, diff)
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	const several = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"
	for name, test := range map[string]struct {
		have  imds.Assigned
		query string
		want  string // object id, or the error's text
	}{
		"the system-assigned one comes first":   {node(true, "a", "b"), "", "system"},
		"else the only user-assigned one":       {node(false, "a"), "", "a"},
		"several and no name":                   {node(false, "a", "b"), "", several},
		"nothing at all":                        {node(false), "", "Identity not found"},
		"by client id":                          {node(true, "a", "b"), "&client_id=B-client", "b"},
		"by object id":                          {node(false, "a", "b"), "&object_id=b", "b"},
		"by principal id":                       {node(false, "a", "b"), "&principal_id=b", "b"},
		"by resource id as IMDS spells it":      {node(false, "a", "b"), "&msi_res_id=/subscriptions/s/b", "b"},
		"by resource id as App Service does":    {node(false, "a", "b"), "&mi_res_id=/SUBSCRIPTIONS/s/b", "b"},
		"the system-assigned one by client id":  {node(true, "a"), "&client_id=system-client", "system"},
		"another node's identity":               {node(true, "a"), "&client_id=b-client", "Identity not found"},
		"an empty name names nothing":           {node(true, "a"), "&client_id=", "Identity not found"},
		"two names":                             {node(true, "a"), "&client_id=a-client&object_id=a", "Only one of client_id, object_id and msi_res_id may be given"},
		"a client id does not match an object":  {node(false, "a"), "&client_id=a", "Identity not found"},
		"percent-encoded keys, as one SDK does": {node(false, "a", "b"), "&client%5Fid=b-client", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := ask(t, test.have, good+test.query, nil)
			if status == 200 && body["access_token"] != "token for "+test.want {
				t.Errorf("got %v", body["access_token"])
			}
			if status != 200 && (status != 400 || body["error"] != "invalid_request" || body["error_description"] != test.want) {
				t.Errorf("got %d %v, want %q", status, body, test.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		target string
		mutate func(*http.Request)
		status int
		text   string
	}{
		"a probe":               {"/metadata/identity/oauth2/token", func(r *http.Request) { r.Header.Del("Metadata") }, 400, "Required metadata header not specified"},
		"Metadata in capitals":  {good, func(r *http.Request) { r.Header.Set("Metadata", "True") }, 400, "Required metadata header not specified"},
		"forwarded":             {good, func(r *http.Request) { r.Header.Set("X-Forwarded-For", "10.0.0.1") }, 400, "X-Forwarded-For"},
		"an empty forwarded":    {good, func(r *http.Request) { r.Header.Set("X-Forwarded-For", "") }, 400, "X-Forwarded-For"},
		"a POST":                {good, func(r *http.Request) { r.Method = http.MethodPost }, 405, "Only GET"},
		"a parameter twice":     {good + "&resource=x", nil, 400, "Duplicate query parameter resource"},
		"a selector twice":      {good + "&client_id=a&client_id=a", nil, 400, "Duplicate query parameter client_id"},
		"no resource":           {"/metadata/identity/oauth2/token?api-version=2018-02-01", nil, 400, "'resource' is missing"},
		"an unknown resource":   {strings.Replace(good, "vault.azure.net", "unknown.example", 1), nil, 400, "AADSTS500011"},
		"another metadata path": {"/metadata/instance?api-version=2021-02-01", nil, 404, "Not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := ask(t, node(true), test.target, test.mutate)
			if text, _ := body["error_description"].(string); status != test.status || !strings.Contains(text, test.text) {
				t.Errorf("got %d %v", status, body)
			}
		})
	}
}

func TestAPIVersions(t *testing.T) {
	t.Parallel()
	for version, status := range map[string]int{
		"2018-02-01": 200, "2019-08-01": 200, "2025-04-07": 200,
		"": 400, "2017-12-01": 400, "2099-01-01": 400, "2020": 400, "v2.0": 400,
	} {
		target := strings.Replace(good, "2018-02-01", version, 1)
		got, body := ask(t, node(true), target, nil)
		if got != status || (status == 400 && len(body["newest-versions"].([]any)) != 3) {
			t.Errorf("%q: %d %v", version, got, body)
		}
	}
}

func TestTrailingAndDoubleSlashes(t *testing.T) {
	t.Parallel()
	for _, target := range []string{strings.Replace(good, "token?", "token/?", 1), strings.Replace(good, "/oauth2", "//oauth2", 1)} {
		if status, body := ask(t, node(true), target, nil); status != 200 {
			t.Errorf("%s: %d %v", target, status, body)
		}
	}
}
