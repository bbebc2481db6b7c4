package arm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator/arm"
)

const federated = "/federatedIdentityCredentials/"

// put makes or changes something as the owner of it all.
func (w *world) put(target, body string) reply {
	w.t.Helper()
	return w.ask(w.owner, "PUT", target+version, body)
}

func (w *world) get(target string) reply { return w.ask(w.owner, "GET", target+version, "") }

// at is a value deep in a body, by the names on the way.
func (r reply) at(path ...string) any {
	var value any = r.body
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// names are those of a list.
func (r reply) names() string {
	var names []string
	list, _ := r.body["value"].([]any)
	for _, one := range list {
		name, _ := one.(map[string]any)["name"].(string)
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestAnIdentityIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.put(identity+"New", `{"location":"local","tags":{"team":"shop"}}`)
	client, _ := made.at("properties", "clientId").(string)
	p, known := w.directory.Find(client)
	if made.status != 201 || made.body["id"] != identity+"New" || made.body["name"] != "New" || !known || p.ObjectID != made.at("properties", "principalId") || p.TenantID != made.at("properties", "tenantId") {
		t.Fatalf("%d %s", made.status, made.text)
	}
	if got := w.put(strings.ToUpper(identity)+"NEW", `{"location":"local"}`); got.status != 200 || got.body["tags"] != nil || got.at("properties", "clientId") != client {
		t.Errorf("again: %d %s", got.status, got.text)
	}
	if got := w.ask(w.owner, "PATCH", identity+"new"+version, `{"tags":{"a":"b"}}`); got.status != 200 || got.at("tags", "a") != "b" {
		t.Errorf("patch: %d %s", got.status, got.text)
	}
	if inGroup, all := w.get(strings.TrimSuffix(identity, "/")), w.get(subscriptionID+"/providers/Microsoft.ManagedIdentity/userAssignedIdentities"); inGroup.names() != "a b c New" || all.names() != "a b c New" {
		t.Errorf("lists: %s and %s", inGroup.text, all.text)
	}
	w.patch(vm, assigned("UserAssigned", "New"))
	if got := w.ask(w.owner, "DELETE", identity+"new"+version, ""); got.status != 200 || w.holds("node-1") != "" {
		t.Errorf("%d, and the node holds %q", got.status, w.holds("node-1"))
	}
	if got := w.ask(w.owner, "DELETE", identity+"new"+version, ""); got.status != 204 {
		t.Errorf("twice: %d", got.status)
	}
	if again := w.put(identity+"New", `{"location":"local"}`); again.status != 201 || again.at("properties", "clientId") == client {
		t.Errorf("made anew: %d %s", again.status, again.text)
	}
}

func TestIdentitiesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := w.principal("operator", "Managed Identity Operator", group)
	for _, test := range []struct {
		bearer, request, body, code string
		status                      int
	}{
		{w.owner, "PUT " + identity + "x", `{"location":"local"}`, "BadRequest", 400},
		{w.owner, "PUT " + identity + "xyz", `{}`, "LocationRequired", 400},
		{w.owner, "PUT " + identity + "xyz", `{`, "InvalidRequestContent", 400},
		{w.owner, "GET " + identity + "xyz", "", "ResourceNotFound", 404},
		{w.owner, "PATCH " + identity + "xyz", "{}", "ResourceNotFound", 404},
		{w.owner, "POST " + identity + "a", "{}", "MethodNotAllowed", 405},
		{w.owner, "PATCH " + identity + "a" + federated + "one", "{}", "MethodNotAllowed", 405},
		{w.owner, "PUT " + identity + "xyz" + federated + "one", credential("s"), "ResourceNotFound", 404},
		{operator, "PUT " + identity + "xyz", `{"location":"local"}`, "AuthorizationFailed", 403},
		{operator, "GET " + identity + "a", "", "", 200},
		{operator, "DELETE " + identity + "a", "", "AuthorizationFailed", 403},
		{operator, "PUT " + identity + "a" + federated + "one", credential("s"), "AuthorizationFailed", 403},
	} {
		method, target, _ := strings.Cut(test.request, " ")
		if got := w.ask(test.bearer, method, target+version, test.body); got.status != test.status || got.code() != test.code {
			t.Errorf("%s: %d %s", test.request, got.status, got.text)
		}
	}
}

func credential(subject string, audiences ...string) string {
	if audiences == nil {
		audiences = []string{"api://AzureADTokenExchange"}
	}
	return fmt.Sprintf(`{"properties":{"issuer":"https://issuer.example/","subject":%q,"audiences":["%s"]}}`, subject, strings.Join(audiences, `","`))
}

func TestTheBoundsOfFederatedCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20 {
		if got := w.put(fmt.Sprint(identity, "a", federated, "one-", i), credential(fmt.Sprint("s", i))); got.status != 201 {
			t.Fatalf("%d %s", got.status, got.text)
		}
	}
	for name, test := range map[string]struct{ target, body, text string }{
		"one too many":          {"a" + federated + "more", credential("more"), "the limit is 20"},
		"the same subject":      {"a" + federated + "one-1", credential("s2"), "Issuer and subject combination already exists for this Managed Identity."},
		"two audiences":         {"b" + federated + "one", credential("s", "x", "y"), "Federated identity credentials must have exactly one audience."},
		"nothing in it":         {"b" + federated + "one", "{}", "Federated Identity Credential from HTTP body has empty properties."},
		"a name that is none":   {"b" + federated + "x", credential("s"), "a name is 3 to 120"},
		"an issuer in the open": {"b" + federated + "one", strings.Replace(credential("s"), "https", "http", 1), "must be an https URL"},
	} {
		if got := w.put(identity+test.target, test.body); got.status != 400 || !strings.Contains(got.message(), test.text) {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if got := w.put(identity+"a"+federated+"one-1", credential("other")); got.status != 200 || got.at("properties", "subject") != "other" {
		t.Errorf("%d %s", got.status, got.text)
	}
	page := w.ask(w.owner, "GET", identity+"a"+federated+version+"&$top=15", "")
	next, _ := page.body["nextLink"].(string)
	if rest := w.ask(w.owner, "GET", next, ""); len(strings.Fields(rest.names())) != 5 || rest.body["nextLink"] != nil {
		t.Errorf("%q leads to %s", next, rest.text)
	}
	for _, status := range []int{200, 204} {
		if got := w.ask(w.owner, "DELETE", identity+"a"+federated+"one-1"+version, ""); got.status != status {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	if got := w.get(identity + "a" + federated + "one-1"); got.status != 404 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestFederatedCredentialsOfOneIdentityAreWrittenOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *arm.Config) { c.FederatedWrite = time.Second })
	w.put(identity+"a"+federated+"one", credential("s1"))
	if got := w.put(identity+"a"+federated+"two", credential("s2")); got.status != 409 || got.code() != "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.put(identity+"b"+federated+"two", credential("s2")); got.status != 201 {
		t.Errorf("another identity: %d %s", got.status, got.text)
	}
	w.clock.Advance(time.Second)
	if got := w.put(identity+"a"+federated+"two", credential("s2")); got.status != 201 {
		t.Errorf("later: %d %s", got.status, got.text)
	}
}
