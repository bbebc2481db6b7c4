package token_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/azure/transport"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

var pod = secret.Pod{Namespace: "shop", Name: "web-0"}

func TestManaged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ client, given, query, want string }{
		"system-assigned":        {"", "", "api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net", ""},
		"system-assigned, named": {"", `"client_id":"33",`, "api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net", "33"},
		"user-assigned":          {clientID, "", "api-version=2018-02-01&client_id=" + clientID + "&resource=https%3A%2F%2Fvault.azure.net", clientID},
		"escaped":                {"a&b=c", "", "api-version=2018-02-01&client_id=a%26b%3Dc&resource=https%3A%2F%2Fvault.azure.net", "a&b=c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := clock.NewFake().Now()
			s := plain(t, says(200, fmt.Sprintf(`{%s"access_token":"the.access.token","refresh_token":"","expires_in":"3599","expires_on":"%d","not_before":"1","resource":"https://vault.azure.net","token_type":"Bearer"}`,
				c.given, now.Unix()+3599)))
			client, _ := newClient(t, nil, s)
			got, err := client.Managed(t.Context(), token.Target{ClientID: c.client, Resource: vault})
			checkToken(t, got, err, now, 3599*time.Second, 3599*time.Second/5*4, c.want)
			r, body := s.only(t)
			if r.Method != http.MethodGet || r.URL.Path != "/metadata/identity/oauth2/token" || r.URL.RawQuery != c.query || body != "" {
				t.Errorf("%s %s %q", r.Method, r.URL, body)
			}
			if r.Header.Get("Metadata") != "true" || r.Header.Get("X-Forwarded-For") != "" {
				t.Errorf("headers %v", r.Header)
			}
		})
	}
}

func TestIMDSRefusals(t *testing.T) {
	t.Parallel()
	const missing = `{"error":"invalid_request","error_description":"Identity not found"}`
	const several = `{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"}`
	for name, c := range map[string]struct {
		client string
		status int
		body   string
		kind   fault.Kind
		code   string
		remedy string
	}{
		"no system identity":   {"", 400, missing, fault.Denied, "invalid_request", "az vmss identity assign --resource-group <node resource group> --name <scale set> (gives"},
		"not assigned":         {clientID, 400, missing, fault.Denied, "invalid_request", "--identities $(az identity list --query \"[?clientId=='" + clientID + "'].id\""},
		"several":              {"", 400, several, fault.Denied, "invalid_request", "userAssignedIdentityID"},
		"resource":             {"", 400, `{"error":"invalid_resource","error_description":"AADSTS500011: The resource principal named x"}`, fault.Denied, "AADSTS500011", ""},
		"unauthorized":         {"", 401, `{"error":"unknown_source"}`, fault.Denied, "unknown_source", ""},
		"not yet":              {"", 404, ``, fault.Unavailable, "", ""},
		"being updated":        {"", 410, ``, fault.Unavailable, "", ""},
		"too often":            {"", 429, `{"error":"invalid_request","error_description":"Too many requests"}`, fault.Throttled, "invalid_request", ""},
		"failing":              {"", 500, `{"error":"unknown","error_description":"Failed to retrieve token from the Active directory. For details see logs in C:\\x"}`, fault.Unavailable, "unknown", ""},
		"a desktop's stand-in": {"", 403, `{"error":"x","error_description":"A socket operation was attempted to an unreachable network."}`, fault.Unavailable, "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := plain(t, says(c.status, c.body))
			client, _ := newClient(t, nil, s)
			_, err := client.Managed(t.Context(), token.Target{ClientID: c.client, Resource: vault})
			s.only(t)
			f, ok := err.(*fault.Error)
			if !ok || f.Kind != c.kind || f.Remote.Code != c.code || f.Remote.Status != c.status || !strings.Contains(f.Remedy, c.remedy) {
				t.Errorf("got %v; %s", err, fault.Explain(err))
			}
		})
	}
}

func TestNodeIsNotAskedThroughAProxy(t *testing.T) {
	t.Parallel()
	proxy := plain(t, says(502, "proxy"))
	imds := plain(t, says(200, goodToken))
	ways, err := transport.New(transport.Config{HTTPSProxy: proxy.URL})
	if err != nil {
		t.Fatal(err)
	}
	client := token.New(token.Config{HTTP: ways.Azure, Direct: ways.Direct, Clock: clock.NewFake(),
		IMDS: strings.Replace(imds.URL, "127.0.0.1", "imds.localhost", 1)})
	if _, err := client.Managed(t.Context(), token.Target{Resource: vault}); err != nil {
		t.Error(err)
	}
	if len(proxy.seen) != 0 {
		t.Error("the proxy was asked")
	}
}

func TestSilentNodeServices(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, nil, nil)
	_, err := client.Managed(t.Context(), token.Target{Resource: vault})
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Explain(err), "instance metadata service") {
		t.Errorf("got %s", fault.Explain(err))
	}
	_, err = client.Pod(t.Context(), token.Target{Resource: vault}, pod)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Explain(err), "component=nmi") {
		t.Errorf("got %s", fault.Explain(err))
	}
}

const nmiToken = `{"token":{"access_token":"the.access.token","refresh_token":"","expires_in":"3600","expires_on":"1893557045","not_before":"1","resource":"https://vault.azure.net","token_type":"Bearer"},"clientid":"44"}`

func TestPod(t *testing.T) {
	t.Parallel()
	s := plain(t, says(200, nmiToken))
	client, now := newClient(t, nil, s)
	got, err := client.Pod(t.Context(), token.Target{Resource: vault + "/"}, pod)
	checkToken(t, got, err, now.Now(), time.Hour, 48*time.Minute, "44")
	r, _ := s.only(t)
	if r.Method != http.MethodGet || r.URL.Path != "/host/token/" || r.URL.Query().Get("resource") != vault {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	if r.Header.Get("podname") != "web-0" || r.Header.Get("podns") != "shop" {
		t.Errorf("headers %v", r.Header)
	}
}

func TestNMIRefusals(t *testing.T) {
	t.Parallel()
	const values = "nmi did not return expected values in response: token and clientid"
	for name, c := range map[string]struct {
		status       int
		body         string
		kind         fault.Kind
		text, remedy string
	}{
		"no identity":       {404, "no AzureAssignedIdentity found for pod shop/web-0\n", fault.NotFound, "nmi response failed with status code: 404, response body: no AzureAssignedIdentity found for pod shop/web-0", "aadpodidbinding"},
		"denied":            {403, `failed to get token`, fault.Denied, "nmi response failed with status code: 403, response body: failed", "aadpodidbinding"},
		"unavailable":       {503, `{"error":"hidden"}`, fault.Unavailable, "nmi response failed with status code: 503", ""},
		"throttled":         {429, ``, fault.Throttled, "nmi response failed with status code: 429", ""},
		"not from the host": {500, "request remote address is not from a host", fault.Unavailable, "status code: 500", "hostNetwork"},
		"a token in a no":   {500, "got hidden " + jwt, fault.Unavailable, "status code: 500", ""},
		"created":           {201, nmiToken, fault.Unavailable, "status code: 201", ""},
		"no token":          {200, `{"clientid":"44"}`, fault.Unavailable, values, ""},
		"no client":         {200, strings.Replace(nmiToken, `"44"`, `""`, 1), fault.Unavailable, values, ""},
		"an empty token":    {200, `{"token":{},"clientid":"44"}`, fault.Unavailable, values, ""},
		"not JSON":          {200, `hidden`, fault.Unavailable, "not the JSON", ""},
		"no time of expiry": {200, `{"token":{"access_token":"hidden"},"clientid":"44"}`, fault.Unavailable, "when the token expires", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := plain(t, says(c.status, c.body))
			client, _ := newClient(t, nil, s)
			_, err := client.Pod(t.Context(), token.Target{Resource: vault}, pod)
			s.only(t)
			text := fault.Explain(err)
			if fault.KindOf(err) != c.kind || !strings.Contains(text, c.text) || !strings.Contains(text, c.remedy) || !strings.Contains(text, "shop/web-0") {
				t.Errorf("%s: got %s", fault.KindOf(err), text)
			}
			if strings.Contains(text, "the.access.token") || strings.Contains(text, jwt[:16]) || strings.Contains(text, "\n") || c.status == 200 && strings.Contains(text, "hidden") {
				t.Errorf("too much in %q", text)
			}
		})
	}
}
