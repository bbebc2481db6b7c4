package arm_test

import (
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator/arm"
	"strongroom/internal/fault"
)

func TestTokensThatAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		origin, audience string
		status           int
	}{
		{home, "https://management.core.windows.net/", 200},
		{home, "https://management.azure.com", 200},
		{home, "https://management.azure.localhost:8443/", 200},
		{home, "https://management.azure.localhost", 401}, // another port is another place
		{home, "https://vault.azure.net", 401},
		{"https://management.azure.com", "https://management.core.windows.net", 200},
		{"https://management.azure.com", "https://management.azure.com/", 200},
		{"https://management.azure.com", "https://management.azure.localhost:8443", 401},
		{"https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net/", 200},
		{"https://management.usgovcloudapi.net", "https://management.core.windows.net/", 401},
	} {
		got := w.ask(w.token("owner", test.audience), "GET", test.origin+vm+version, "")
		if got.status != test.status || test.status == 401 && got.code() != "InvalidAuthenticationTokenAudience" {
			t.Errorf("%s at %s: %d %s", test.audience, test.origin, got.status, got.text)
		}
	}
}

func TestTokensThatAreNot(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	for _, test := range []struct {
		name, bearer, code string
		later              time.Duration
	}{
		{"none", "", "AuthenticationFailed", 0},
		{"no JWT", "planted", "InvalidAuthenticationToken", 0},
		{"another's", other.owner, "InvalidAuthenticationToken", 0},
		{"not yet good", w.owner, "InvalidAuthenticationToken", -time.Hour},
		{"no longer good", w.owner, "ExpiredAuthenticationToken", 26 * time.Hour},
	} {
		w.clock.Advance(test.later)
		got := w.ask(test.bearer, "GET", vm+version, "")
		challenge := got.header.Get("WWW-Authenticate")
		if got.status != 401 || got.code() != test.code || strings.Contains(got.text, "planted") ||
			!strings.HasPrefix(challenge, `Bearer authorization_uri="https://login.azure.localhost:8443/", error="invalid_token"`) {
			t.Errorf("%s: %d %s %s", test.name, got.status, challenge, got.text)
		}
	}
}

func TestWhatRolesAllow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const subscription = "/subscriptions/00000000-0000-0000-0000-000000000000"
	assignA := assigned("UserAssigned", "a")
	for i, test := range []struct {
		grants       []string
		method, body string
		status       int
	}{
		{nil, "GET", "", 403},
		{[]string{"Reader", subscription}, "GET", "", 200},
		{[]string{"Reader", subscription}, "PATCH", assignA, 403},
		{[]string{"Contributor", subscription}, "PATCH", assignA, 200},
		{[]string{"contributor", strings.ToUpper(group)}, "PATCH", assignA, 200},
		{[]string{"b24988ac-6180-42a0-ab88-20f7382dd24c", group + "/"}, "PATCH", assignA, 200},
		{[]string{"Contributor", group[:len(group)-1]}, "GET", "", 403},
		{[]string{"Contributor", vm}, "GET", "", 200},
		{[]string{"Contributor", pool}, "GET", "", 403},
		{[]string{"Contributor", vm}, "PATCH", assignA, 403},
		{[]string{"Virtual Machine Contributor", vm}, "PATCH", assigned("None"), 200},
		{[]string{"Virtual Machine Contributor", subscription}, "PATCH", assignA, 403},
		{[]string{"Virtual Machine Contributor", vm, "Managed Identity Operator", identity + "a"}, "PATCH", assignA, 200},
		{[]string{"Virtual Machine Contributor", vm, "Managed Identity Operator", identity + "b"}, "PATCH", assignA, 403},
		{[]string{"Virtual Machine Contributor", vm, "Managed Identity Contributor", subscription}, "PATCH", assignA, 403},
		{[]string{"Managed Identity Operator", subscription}, "PATCH", assignA, 403},
	} {
		bearer := w.principal("caller "+string(rune('a'+i)), test.grants...)
		if got := w.ask(bearer, test.method, vm+version, test.body); got.status != test.status {
			t.Errorf("%v %s: %d %s", test.grants, test.method, got.status, got.text)
		}
	}
}

func TestRefusalsNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bearer := w.principal("controller", "Virtual Machine Contributor", group, "Managed Identity Operator", identity+"a")
	p, _ := w.directory.Find("controller")
	got := w.ask(bearer, "PATCH", vm+version, assigned("UserAssigned", "a", "b", "gone", "-c"))
	want := "The client '" + p.ClientID + "' with object id '" + p.ObjectID + "' has permission to perform action 'Microsoft.Compute/virtualMachines/write' on scope '" + vm +
		"'; however, it does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '" +
		identity + "b," + identity + "gone' or the linked scope(s) are invalid."
	if got.status != 403 || got.code() != "LinkedAuthorizationFailed" || got.message() != want {
		t.Errorf("%d %s\nwant %s", got.status, got.text, want)
	}
	stranger := w.principal("stranger")
	p, _ = w.directory.Find("stranger")
	got = w.ask(stranger, "POST", pool+"/manualupgrade"+version, `{"instanceIds":["*"]}`)
	want = "The client '" + p.ClientID + "' with object id '" + p.ObjectID + "' does not have authorization to perform action " +
		"'Microsoft.Compute/virtualMachineScaleSets/manualupgrade/action' over scope '" + pool + "' or the scope is invalid. " +
		"If access was recently granted, please refresh your credentials."
	if got.status != 403 || got.code() != "AuthorizationFailed" || got.message() != want {
		t.Errorf("%d %s\nwant %s", got.status, got.text, want)
	}
	poll := w.patch(vm, assigned("None")).header.Get("Azure-AsyncOperation")
	if got := w.ask(stranger, "GET", poll, ""); got.status != 403 {
		t.Errorf("somebody else's operation: %d %s", got.status, got.text)
	}
}

func TestPathsAndVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	everywhere := w.principal("everywhere", "Owner", "/")
	const subscription = "/subscriptions/00000000-0000-0000-0000-000000000000"
	for _, test := range []struct {
		request string
		status  int
		code    string
	}{
		{"GET " + vm, 400, "MissingApiVersionParameter"},
		{"GET " + vm + "?api-version=latest", 400, "InvalidApiVersionParameter"},
		{"GET " + vm + "?api%2Dversion=2024-07-01", 200, ""},
		{"GET " + vm + "?api-version=2024-07-01-preview", 200, ""},
		{"GET " + vm + "2" + version, 404, "ResourceNotFound"},
		{"PUT " + vm + "2" + version, 404, "ResourceNotFound"},
		{"GET " + strings.Replace(vm, "emulator", "other", 1) + version, 404, "ResourceGroupNotFound"},
		{"GET " + strings.Replace(vm, "/0000", "/1111", 1) + version, 404, "SubscriptionNotFound"},
		{"GET " + strings.Replace(vm, "Compute", "Network", 1) + version, 404, "InvalidResourceNamespace"},
		{"GET " + strings.Replace(vm, "virtualMachines", "disks", 1) + version, 404, "InvalidResourceType"},
		{"GET " + vm + "/extensions/x" + version, 404, "InvalidResourceType"},
		{"GET /subscriptions" + version, 200, ""},
		{"GET /subscriptions/x/y/z" + version, 404, "SubscriptionNotFound"},
		{"GET " + subscription + "/x" + version, 404, "InvalidResourceType"},
		{"GET /" + version, 404, "InvalidResourceType"},
		{"GET " + subscription + "/providers/Microsoft.Compute/locations/local/operations/none" + version, 404, "NotFound"},
		{"PATCH " + subscription + "/providers/Microsoft.Compute/locations/local/operations/none" + version, 405, "MethodNotAllowed"},
		{"DELETE " + vm + version, 405, "MethodNotAllowed"},
		{"POST " + vm + version, 405, "MethodNotAllowed"},
		{"GET " + pool + "/manualupgrade" + version, 405, "MethodNotAllowed"},
		{"PUT " + pool + "/virtualMachines/0" + version, 405, "MethodNotAllowed"},
	} {
		method, target, _ := strings.Cut(test.request, " ")
		if got := w.ask(everywhere, method, target, ""); got.status != test.status || got.code() != test.code {
			t.Errorf("%s: %d %s", test.request, got.status, got.text)
		}
	}
}

func TestAddRefusesWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for text, r := range map[string]arm.Resource{
		"is there already":   {Kind: arm.VirtualMachine, Name: "NODE-1"},
		"belongs to " + pool: {Kind: arm.VirtualMachine, Name: "x", Nodes: []string{"pool-1"}},
	} {
		if err := w.server.Add(r); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
	if _, err := arm.FindRole("Keeper"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
	if w.holds("nobody") != "" {
		t.Error("an unknown node holds something")
	}
}
