package graph_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/emulator/graph"
	"strongroom/internal/fault"
)

// From nothing to an application that a cluster's service account may be, and back to nothing.
func TestTheLifeOfAnApplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app := w.must(201, "POST /v1.0/applications", `{"displayName":"web","identifierUris":["api://web"],"keyCredentials":[]}`)
	id, appID := app.text("id"), app.text("appId")
	if id == "" || appID == "" || id == appID || !strings.HasSuffix(app.text("@odata.context"), "/v1.0/$metadata#applications/$entity") {
		t.Errorf("got %v", app.body)
	}
	if _, known := w.directory.Find(appID); known {
		t.Error("it has a service principal that nobody made")
	}
	principal := w.must(201, "POST /v1.0/servicePrincipals", `{"appId":"`+appID+`","accountEnabled":true}`)
	found, known := w.directory.Find(appID)
	if !known || found.ObjectID != principal.text("id") || found.Name != "web" {
		t.Errorf("%+v, %v", found, principal.body)
	}

	password := w.must(200, "POST /v1.0/applications/"+id+"/addPassword", `{"passwordCredential":{"displayName":"rbac","endDateTime":"2099-01-01T00:00:00Z"}}`)
	if len(password.text("secretText")) != 40 || password.text("hint") != password.text("secretText")[:3] {
		t.Errorf("got %v", password.body)
	}
	read := w.must(200, "GET /v1.0/applications/"+id, "")
	shown := read.body["passwordCredentials"].([]any)[0].(map[string]any)
	if shown["secretText"] != nil || shown["keyId"] != password.text("keyId") || shown["displayName"] != "rbac" {
		t.Errorf("a password is told once: %v", shown)
	}
	w.must(204, "POST /v1.0/applications/"+id+"/removePassword", `{"keyId":"`+password.text("keyId")+`"}`)
	w.must(400, "POST /v1.0/applications/"+id+"/removePassword", `{"keyId":"`+password.text("keyId")+`"}`)

	federated := "/v1.0/applications/" + id + "/federatedIdentityCredentials"
	trust := `{"name":"cluster","issuer":"https://oidc.example/","subject":"system:serviceaccount:a:b","description":"d","audiences":["api://AzureADTokenExchange"]}`
	made := w.must(201, "POST "+federated, trust)
	w.must(409, "POST "+federated, trust)
	w.must(409, "POST "+federated, strings.Replace(trust, `"cluster"`, `"another"`, 1))
	w.must(400, "POST "+federated, `{"name":"two-audiences","issuer":"https://x","subject":"s","audiences":["a","b"]}`)
	w.must(400, "POST "+federated, `{"name":"http","issuer":"http://x","subject":"s","audiences":["a"]}`)
	if got := w.must(200, "GET "+federated+"/"+made.text("id"), ""); got.text("subject") != "system:serviceaccount:a:b" || got.text("description") != "d" {
		t.Errorf("got %v", got.body)
	}
	w.must(204, "PATCH "+federated+"/cluster", `{"subject":"system:serviceaccount:a:c"}`)
	if a, _ := w.directory.Registration(id); len(a.Federated) != 1 || a.Federated[0].Subject != "system:serviceaccount:a:c" || a.Federated[0].Issuer != "https://oidc.example/" {
		t.Errorf("got %+v", a.Federated)
	}
	if got := w.must(200, "GET "+federated, ""); !cmp.Equal(got.names(), []string{"cluster"}) {
		t.Errorf("got %v", got.body)
	}
	w.must(204, "DELETE "+federated+"/cluster", "")
	w.must(404, "DELETE "+federated+"/cluster", "")

	w.must(204, "PATCH /v1.0/applications/"+id, `{"displayName":"shop","identifierUris":[],"passwordCredentials":[]}`)
	w.must(204, "DELETE /v1.0/servicePrincipals/"+principal.text("id"), "")
	if _, known := w.directory.Find(appID); known {
		t.Error("the service principal is still there")
	}
	if got := w.must(200, "GET /v1.0/applications(appId='"+appID+"')", ""); got.text("displayName") != "shop" {
		t.Errorf("got %v", got.body)
	}
	w.must(204, "DELETE /v1.0/applications/"+id, "")
	w.must(404, "GET /v1.0/applications/"+id, "")
}

// The look-ups that tools turn names into object ids by.
func TestLookUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app := w.must(201, "POST /v1.0/applications", `{"displayName":"it's me","identifierUris":["api://me"]}`)
	w.must(201, "POST /v1.0/servicePrincipals", `{"appId":"`+app.text("appId")+`"}`)
	for request, want := range map[string][]string{
		"applications?$filter=appId eq '" + app.text("appId") + "'":                                   {"it's me"},
		"applications?$filter=startswith(displayName,'It''s')":                                        {"it's me"},
		"applications?$filter=startswith(displayName,'it') and identifierUris/any(s:s eq 'api://me')": {"it's me"},
		"applications?$filter=displayName eq 'x and y'":                                               {},
		"applications": {"admin", "reader", "nobody", "it's me"},
		"servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '" + strings.ToUpper(w.fleet.ClientID) + "')": {"fleet"},
		"servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '" + w.fleet.ObjectID + "')":                  {},
		"servicePrincipals?$filter=servicePrincipalNames/any(c:c eq 'api://me')":                                  {"it's me"},
		"servicePrincipals?$filter=servicePrincipalType eq 'ManagedIdentity'":                                     {"fleet"},
		"servicePrincipals?$filter=displayName eq 'stranger'":                                                     {},
		"users?$filter=userPrincipalName eq 'a@b'":                                                                {},
		"organization": {"contoso.example"},
	} {
		if got := w.must(200, "GET /v1.0/"+request, ""); !cmp.Equal(got.names(), want) {
			t.Errorf("%s: got %v", request, got.body)
		}
	}
	got := w.must(200, "POST /v1.0/directoryObjects/getByIds",
		`{"ids":["`+w.fleet.ObjectID+`","`+app.text("id")+`","`+w.fleet.ClientID+`"],"types":["user","servicePrincipal"]}`)
	first := got.body["value"].([]any)[0].(map[string]any)
	if !cmp.Equal(got.names(), []string{"fleet"}) || first["@odata.type"] != "#microsoft.graph.servicePrincipal" || first["servicePrincipalType"] != "ManagedIdentity" {
		t.Errorf("got %v", got.body)
	}
	for _, bad := range []string{"applications?$filter=tags/any(x:x eq '1')", "applications?$filter=appId ne 'x'", "applications?$filter=appId eq 'x' or appId eq 'y'", "me", "nothing"} {
		if got := w.must(400, "GET /v1.0/"+bad, ""); got.code() == "" {
			t.Errorf("%s: %v", bad, got.body)
		}
	}
}

// Who has no role may not even look, a reader may not write, and nobody reaches into another tenant.
func TestRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const list, add = "GET /v1.0/applications", "POST /v1.0/applications"
	for _, c := range []struct {
		name, bearer, request string
		status                int
		code                  string
	}{
		{"no token", "", list, 401, "InvalidAuthenticationToken"},
		{"no token of ours", "x.y.z", list, 401, "InvalidAuthenticationToken"},
		{"for somebody else", w.token(w.fleet.ObjectID, "https://vault.azure.net"), list, 401, "InvalidAuthenticationToken"},
		{"no role", w.nobody, list, 403, "Authorization_RequestDenied"},
		{"a reader reads", w.reader, list, 200, ""},
		{"a reader writes", w.reader, add, 403, "Authorization_RequestDenied"},
		{"another tenant's application", w.admin, "GET /v1.0/applications/" + w.stranger.RegistrationID, 404, "Request_ResourceNotFound"},
		{"another tenant's principal", w.admin, "DELETE /v1.0/servicePrincipals/" + w.stranger.ObjectID, 404, "Request_ResourceNotFound"},
		{"a managed identity's principal", w.admin, "DELETE /v1.0/servicePrincipals/" + w.fleet.ObjectID, 403, "Authorization_RequestDenied"},
		{"a client id for an object id", w.admin, "GET /v1.0/servicePrincipals/" + w.fleet.ClientID, 404, "Request_ResourceNotFound"},
		{"a version of old", w.admin, "GET /1.6/applications", 400, "Request_BadRequest"},
		{"a method of its own", w.admin, "PUT /v1.0/applications", 405, "Request_BadRequest"},
	} {
		if got := w.ask(c.bearer, c.request, `{"displayName":"x"}`); got.status != c.status || got.code() != c.code {
			t.Errorf("%s: %d %v", c.name, got.status, got.body)
		}
	}
	if _, err := graph.FindRole("Owner"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app := w.must(201, "POST /v1.0/applications", `{"displayName":"a","identifierUris":["api://a"]}`)
	w.must(201, "POST /v1.0/servicePrincipals", `{"appId":"`+app.text("appId")+`"}`)
	for _, c := range []struct {
		request, body string
		status        int
	}{
		{"POST /v1.0/applications", `{}`, 400},
		{"POST /v1.0/applications", `{`, 400},
		{"POST /v1.0/applications", `{"displayName":"b","identifierUris":["api://a"]}`, 400},
		{"POST /v1.0/applications", `{"displayName":"b","passwordCredentials":[{"secretText":"mine"}]}`, 400},
		{"POST /v1.0/applications", `{"displayName":"b","keyCredentials":[{"type":"AsymmetricX509Cert","key":"AAAA"}]}`, 400},
		{"POST /v1.0/servicePrincipals", `{"appId":"` + app.text("appId") + `"}`, 409},
		{"POST /v1.0/servicePrincipals", `{"appId":"` + app.text("id") + `"}`, 400},
		{"POST /v1.0/servicePrincipals", `{"appId":"` + w.stranger.ClientID + `"}`, 400},
	} {
		w.must(c.status, c.request, c.body)
	}
}
