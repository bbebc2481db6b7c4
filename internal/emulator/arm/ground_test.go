package arm_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator/arm"
	"strongroom/internal/emulator/arm/clusters"
	"strongroom/internal/emulator/arm/groups"
	"strongroom/internal/emulator/arm/limits"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.principal("root", "Owner", subscriptionID)
	const shops = subscriptionID + "/resourceGroups/Shops"
	for _, step := range []struct {
		method, target, body string
		status               int
		code                 string
	}{
		{"HEAD", shops, "", 404, ""},
		{"GET", shops, "", 404, "ResourceGroupNotFound"},
		{"PATCH", shops, "{}", 404, "ResourceGroupNotFound"},
		{"PUT", shops, "{}", 400, "LocationRequired"},
		{"PUT", shops, `{"location":"local"}`, 201, ""},
		{"PUT", strings.ToLower(shops), `{"location":"local","tags":{"a":"b"}}`, 200, ""},
		{"PUT", shops, `{"location":"elsewhere"}`, 409, "InvalidResourceGroupLocation"},
		{"HEAD", shops, "", 204, ""},
		{"POST", shops, "", 405, "MethodNotAllowed"},
		{"DELETE", shops, "", 200, ""},
		{"DELETE", shops, "", 404, "ResourceGroupNotFound"},
		{"DELETE", group, "", 409, "ResourceGroupNotEmpty"},
	} {
		if got := w.ask(root, step.method, step.target+version, step.body); got.status != step.status || got.code() != step.code {
			t.Errorf("%s %s: %d %s", step.method, step.target, got.status, got.text)
		}
	}
	if got := w.ask(w.owner, "PUT", shops+version, `{"location":"local"}`); got.status != 403 {
		t.Errorf("by the owner of another group: %d", got.status)
	}
	if got := w.get(subscriptionID + "/resourceGroups"); got.names() != "emulator" {
		t.Errorf("%s", got.text)
	}
}

func TestWhoSeesASubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Groups().Add(groups.Subscription{ID: "2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f11", Name: "Shops"}, "empty")
	stranger, everywhere := w.principal("stranger"), w.principal("everywhere", "Reader", "/")
	for bearer, count := range map[string]int{w.owner: 1, stranger: 0, everywhere: 2} {
		got := w.ask(bearer, "GET", "/subscriptions"+version, "")
		if list, _ := got.body["value"].([]any); len(list) != count {
			t.Errorf("want %d: %s", count, got.text)
		}
	}
	got := w.ask(everywhere, "GET", "/subscriptions/2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f11"+version, "")
	tenants := w.ask(stranger, "GET", "/tenants"+version, "")
	list, _ := tenants.body["value"].([]any)
	if got.body["displayName"] != "Shops" || got.body["state"] != "Enabled" || len(list) != 1 || list[0].(map[string]any)["tenantId"] != got.body["tenantId"] {
		t.Errorf("%s and %s", got.text, tenants.text)
	}
	if got := w.ask(stranger, "GET", subscriptionID+version, ""); got.status != 403 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.get(subscriptionID + "/locations"); got.names() != "local" {
		t.Errorf("%s", got.text)
	}
}

func TestListsShowWhatTheReaderMayRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(arm.Resource{Kind: arm.VirtualMachine, Group: "elsewhere", Name: "other", Nodes: []string{"other"}})
	const vms, sets = "/providers/Microsoft.Compute/virtualMachines", "/providers/Microsoft.Compute/virtualMachineScaleSets"
	everywhere, one, none := w.principal("everywhere", "Reader", subscriptionID), w.principal("one", "Reader", vm), w.principal("none")
	for _, test := range []struct{ name, bearer, target, want string }{
		{"all", everywhere, subscriptionID + vms, "node-1 other"},
		{"all of a group", everywhere, group + vms, "node-1"},
		{"sets", everywhere, subscriptionID + sets, "pool"},
		{"the owner of a group", w.owner, subscriptionID + vms, "node-1"},
		{"the reader of one", one, group + vms, "node-1"},
		{"of every kind", everywhere, subscriptionID + "/resources", "node-1 pool other a b c"},
		{"of every kind in a group", everywhere, group + "/resources", "node-1 pool a b c"},
		{"of every kind that one may see", one, subscriptionID + "/resources", "node-1"},
	} {
		if got := w.ask(test.bearer, "GET", test.target+version, ""); got.status != 200 || got.names() != test.want {
			t.Errorf("%s: %d %s", test.name, got.status, got.text)
		}
	}
	if got := w.ask(none, "GET", subscriptionID+vms+version, ""); got.status != 403 || got.code() != "AuthorizationFailed" {
		t.Errorf("%d %s", got.status, got.text)
	}
	filter := "&$filter=" + url.QueryEscape("resourceType eq 'microsoft.compute/virtualmachines' and name eq 'OTHER'")
	if got := w.ask(everywhere, "GET", subscriptionID+"/resources"+version+filter, ""); got.names() != "other" {
		t.Errorf("%s", got.text)
	}
	if got := w.ask(everywhere, "GET", subscriptionID+"/resources"+version+"&$filter=x", ""); got.status != 400 {
		t.Errorf("%d", got.status)
	}
}

func TestProvidersAreRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for request, status := range map[string]int{
		"GET " + subscriptionID + "/providers/microsoft.keyvault":           200,
		"POST " + subscriptionID + "/providers/Microsoft.Compute/register":  200,
		"GET " + subscriptionID + "/providers/Microsoft.Network":            404,
		"DELETE " + subscriptionID + "/providers/Microsoft.Compute":         405,
		"POST " + subscriptionID + "/providers/Microsoft.Network/register":  404,
		"GET " + subscriptionID + "/providers":                              200,
		"GET /providers":                                                    200,
		"GET /providers/Microsoft.Compute":                                  200,
		"GET " + subscriptionID + "/providers/Microsoft.Compute/unknown":    404,
		"GET " + subscriptionID + "/providers/Microsoft.KeyVault/unknown/x": 404,
	} {
		method, target, _ := strings.Cut(request, " ")
		got := w.ask(w.owner, method, target+version, "")
		if state, told := got.body["registrationState"]; got.status != status || told && state != "Registered" {
			t.Errorf("%s: %d %s", request, got.status, got.text)
		}
	}
}

func TestACluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.server.Clusters().Add(clusters.Cluster{Name: "shop", KubeletIdentity: "a", AddonIdentity: identity + "later", Identity: "b"}); err != nil {
		t.Fatal(err)
	}
	const cluster = group + "/providers/Microsoft.ContainerService/managedClusters/shop"
	a, _ := w.directory.Find("a")
	got := w.get(cluster)
	if got.at("properties", "identityProfile", "kubeletidentity", "clientId") != a.ClientID || got.at("properties", "oidcIssuerProfile", "issuerURL") != "https://issuer.example" ||
		got.at("properties", "nodeResourceGroup") != "MC_emulator_shop_local" || got.at("properties", "addonProfiles", "azureKeyvaultSecretsProvider") != nil {
		t.Errorf("%d %s", got.status, got.text)
	}
	made := w.put(identity+"later", `{"location":"local"}`)
	if got := w.get(cluster); got.at("properties", "addonProfiles", "azureKeyvaultSecretsProvider", "identity", "clientId") != made.at("properties", "clientId") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.put(cluster, "{}"); got.status != 405 {
		t.Errorf("%d", got.status)
	}
	if err := w.server.Clusters().Add(clusters.Cluster{Name: "SHOP"}); err == nil {
		t.Error("the same twice")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *arm.Config) {
		c.Limits = limits.Limits{Reads: limits.Bucket{Burst: 2, PerSecond: 0.5}, Writes: limits.Bucket{Burst: 1}}
	})
	other := w.principal("other", "Reader", group)
	for _, step := range []struct {
		after          time.Duration
		bearer, method string
		status         int
		left, wait     string
	}{
		{0, w.owner, "GET", 200, "1", ""},
		{0, w.owner, "GET", 200, "0", ""},
		{0, w.owner, "GET", 429, "0", "2"},
		{0, other, "GET", 200, "1", ""},
		{time.Second, w.owner, "GET", 429, "0", "1"},
		{time.Second, w.owner, "GET", 200, "0", ""},
		{time.Hour, w.owner, "GET", 200, "1", ""},
		{0, w.owner, "PATCH", 200, "0", ""},
		{time.Hour, w.owner, "PATCH", 429, "0", "3600"},
	} {
		w.clock.Advance(step.after)
		header := "X-Ms-Ratelimit-Remaining-Subscription-Reads"
		if step.method == "PATCH" {
			header = "X-Ms-Ratelimit-Remaining-Subscription-Writes"
		}
		got := w.ask(step.bearer, step.method, vm+version, "{}")
		if got.status != step.status || got.header.Get(header) != step.left || got.header.Get("Retry-After") != step.wait && step.status == 429 {
			t.Errorf("%+v: %d %v %s", step, got.status, got.header, got.text)
		}
	}
}
