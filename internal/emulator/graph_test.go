package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/state"
	"strongroom/internal/secret"
)

// What Graph makes, the token endpoint knows at the next request; and Graph is in the request log and the fault table.
func TestAnApplicationMadeByGraphGetsTokens(t *testing.T) {
	t.Parallel()
	e := start(t, emulator.Config{Document: state.Document{
		Tenants:        []entra.Tenant{{Domain: "contoso.example"}},
		Applications:   []entra.Application{{Name: "administrator", Secrets: []entra.ClientSecret{{Name: "a", Value: secret.NewValue([]byte("demo only"))}}}},
		DirectoryRoles: []state.DirectoryRole{{Principal: "administrator", Role: "Application Administrator"}},
	}})
	administrator, _ := e.Directory().Find("administrator")
	bearer := clientToken(t, e, url.Values{"client_id": {administrator.ClientID}, "client_secret": {"demo only"}, "scope": {"https://graph.microsoft.com/.default"}})
	if bearer == "" {
		t.Fatal("no token for Graph")
	}
	app := askGraph(t, e, bearer, "applications", `{"displayName":"made"}`)
	askGraph(t, e, bearer, "servicePrincipals", `{"appId":"`+app["appId"]+`"}`)
	askGraph(t, e, bearer, "applications/"+app["id"]+"/federatedIdentityCredentials",
		`{"name":"cluster","issuer":"`+e.Endpoints().Issuer+`","subject":"system:serviceaccount:shop:web","audiences":["api://AzureADTokenExchange"]}`)
	assertion, _, err := e.ServiceAccountToken("shop", "web", "api://AzureADTokenExchange", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"client_id": {app["appId"]}, "client_assertion": {assertion}, "scope": {"https://vault.azure.net/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	if clientToken(t, e, form) == "" {
		t.Error("the new application gets no token")
	}
	if counts := e.Counts(); counts["application-add"] != 1 || counts["principal-add"] != 1 || counts["application-federated-add"] != 1 {
		t.Errorf("counted %v", counts)
	}
	if err := e.SetFaults([]emulator.Fault{{Service: faults.Graph, Status: http.StatusServiceUnavailable, Count: 1}}); err != nil {
		t.Fatal(err)
	}
	if got := askGraph(t, e, bearer, "applications", `{"displayName":"x"}`); got["id"] != "" {
		t.Errorf("got %v through a fault", got)
	}
}

func clientToken(t *testing.T, e *emulator.Emulator, form url.Values) string {
	t.Helper()
	form.Set("grant_type", "client_credentials")
	response, err := e.HTTPClient().PostForm(e.Endpoints().Authority+"/contoso.example/oauth2/v2.0/token", form)
	if err != nil {
		t.Fatal(err)
	}
	return texts(t, response)["access_token"]
}

func askGraph(t *testing.T, e *emulator.Emulator, bearer, path, body string) map[string]string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.Endpoints().Graph+"/v1.0/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	response, err := e.HTTPClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return texts(t, response)
}

// texts are the fields of an answer that are plain texts.
func texts(t *testing.T, response *http.Response) map[string]string {
	t.Helper()
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for name, value := range body {
		if text, ok := value.(string); ok {
			found[name] = text
		}
	}
	return found
}
