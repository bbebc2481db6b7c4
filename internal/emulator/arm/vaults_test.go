package arm_test

import (
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator/arm/vaults"
)

const (
	keyVault = group + "/providers/Microsoft.KeyVault/vaults/"
	someone  = "00000000-3333-4333-8333-000000000003"
	deleted  = subscriptionID + "/providers/Microsoft.KeyVault/locations/local/deletedVaults/"
)

// vaultBody is the body of a vault of the world's tenant; properties is what follows tenant and SKU.
func (w *world) vaultBody(properties string) string {
	return `{"location":"local","properties":{"tenantId":"` + w.directory.Tenants()[0].ID + `","sku":{"family":"A","name":"standard"}` + properties + `}}`
}

func (w *world) policy(principal, words string) string {
	return `{"tenantId":"` + w.directory.Tenants()[0].ID + `","objectId":"` + principal + `","permissions":{"secrets":[` + words + `]}}`
}

func TestAVaultAndItsPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const kv = keyVault + "contoso-kv"
	made := w.put(kv, w.vaultBody(`,"accessPolicies":[`+w.policy("x", `"get"`)+`]`))
	if made.status != 201 || w.plane["contoso-kv"] != "open x:get" || made.at("properties", "vaultUri") != "https://contoso-kv.vault.azure.localhost:8443/" || made.at("properties", "provisioningState") != "Succeeded" {
		t.Fatalf("%d %s", made.status, made.text)
	}
	for _, step := range []struct{ method, target, body, plane string }{
		{"PUT", kv + "/accessPolicies/add", `{"properties":{"accessPolicies":[` + w.policy("X", `"GET","list"`) + `,` + w.policy("y", `"all"`) + `]}}`, "open x:get,list y:all"},
		{"PUT", kv + "/accessPolicies/replace", `{"properties":{"accessPolicies":[` + w.policy("x", `"set"`) + `]}}`, "open x:set y:all"},
		{"PUT", kv + "/accessPolicies/remove", `{"properties":{"accessPolicies":[` + w.policy("y", `"all"`) + `]}}`, "open x:set"},
		{"PATCH", kv, `{"properties":{"publicNetworkAccess":"Disabled"}}`, "open x:set walled"},
		{"PATCH", kv, `{"properties":{"publicNetworkAccess":"Enabled","accessPolicies":[]}}`, "open"},
		{"PATCH", kv, `{"tags":{"a":"b"}}`, "open"},
		{"PUT", kv, w.vaultBody(`,"networkAcls":{"defaultAction":"Deny"}`), "open walled"},
		{"PUT", kv, w.vaultBody(`,"enableRbacAuthorization":true`), "open"},
	} {
		if got := w.ask(w.owner, step.method, step.target+version, step.body); got.status != 200 || w.plane["contoso-kv"] != step.plane {
			t.Errorf("%s %s: %d %s, and the plane has %q", step.method, step.body, got.status, got.text, w.plane["contoso-kv"])
		}
	}
	if got := w.get(kv); got.at("properties", "enableRbacAuthorization") != true || got.body["tags"] != nil {
		t.Errorf("%s", got.text)
	}
	if got := w.get(strings.TrimSuffix(keyVault, "/")); got.names() != "contoso-kv" {
		t.Errorf("%s", got.text)
	}
}

func TestVaultsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(keyVault+"taken", w.vaultBody(`,"enablePurgeProtection":true`))
	w.server.Groups().Learn(subscriptionID + "/resourceGroups/other")
	all := w.principal("all", "Owner", subscriptionID)
	elsewhere := strings.Replace(keyVault, "emulator", "other", 1)
	for _, test := range []struct {
		method, target, body, code string
		status                     int
	}{
		{"PUT", keyVault + "x", w.vaultBody(""), "VaultNameNotValid", 400},
		{"PUT", keyVault + "other", `{"location":"local"}`, "InvalidRequestContent", 400},
		{"PUT", keyVault + "other", `{"properties":{}}`, "LocationRequired", 400},
		{"PUT", keyVault + "other", `{"location":"local","properties":{}}`, "BadRequest", 400},
		{"PUT", keyVault + "other", strings.Replace(w.vaultBody(""), "tenantId\":\"", "tenantId\":\"x", 1), "BadRequest", 400},
		{"PUT", keyVault + "other", w.vaultBody(`,"softDeleteRetentionInDays":6`), "BadRequest", 400},
		{"PUT", keyVault + "other", w.vaultBody(`,"enableSoftDelete":false`), "BadRequest", 400},
		{"PUT", keyVault + "other", w.vaultBody(`,"accessPolicies":[` + w.policy(someone, `"reed"`) + `]`), "BadRequest", 400},
		{"PUT", keyVault + "other", w.vaultBody(`,"accessPolicies":[{}]`), "BadRequest", 400},
		{"PUT", elsewhere + "taken", w.vaultBody(""), "VaultAlreadyExists", 409},
		{"PATCH", keyVault + "taken", `{"properties":{"enablePurgeProtection":false}}`, "BadRequest", 400},
		{"PATCH", keyVault + "other", `{}`, "ResourceNotFound", 404},
		{"PUT", keyVault + "other/accessPolicies/add", `{"properties":{"accessPolicies":[]}}`, "ResourceNotFound", 404},
		{"PUT", keyVault + "taken/accessPolicies/swap", `{"properties":{"accessPolicies":[` + w.policy(someone, `"get"`) + `]}}`, "BadRequest", 400},
		{"PUT", keyVault + "taken/accessPolicies/add", `{}`, "InvalidRequestContent", 400},
		{"POST", keyVault + "taken", `{}`, "MethodNotAllowed", 405},
		{"GET", keyVault + "taken/keys", "", "InvalidResourceType", 404},
		{"GET", strings.Replace(keyVault, "emulator", "nowhere", 1) + "taken", "", "ResourceGroupNotFound", 404},
	} {
		if got := w.ask(all, test.method, test.target+version, test.body); got.status != test.status || got.code() != test.code {
			t.Errorf("%s %s %s: %d %s", test.method, test.target, test.body, got.status, got.text)
		}
	}
	if got := w.ask(w.principal("nobody"), "GET", keyVault+"taken"+version, ""); got.status != 403 {
		t.Errorf("%d", got.status)
	}
}

func TestADeletedVaultIsKeptForItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.principal("all", "Owner", subscriptionID)
	w.put(keyVault+"one", w.vaultBody(`,"softDeleteRetentionInDays":7`))
	w.put(keyVault+"two", w.vaultBody(`,"enablePurgeProtection":true`))
	for _, name := range []string{"one", "two"} {
		if got := w.ask(w.owner, "DELETE", keyVault+name+version, ""); got.status != 200 || w.plane[name] != "hidden" {
			t.Errorf("%d %s, and the plane has %q", got.status, got.text, w.plane[name])
		}
	}
	if got := w.put(keyVault+"one", w.vaultBody("")); got.status != 409 || got.code() != "ConflictError" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.ask(all, "POST", deleted+"two/purge"+version, ""); got.status != 405 {
		t.Errorf("purged though protected: %d %s", got.status, got.text)
	}
	if got := w.put(keyVault+"two", w.vaultBody(`,"createMode":"recover"`)); got.status != 200 || w.plane["two"] != "open" {
		t.Errorf("%d %s", got.status, got.text)
	}
	w.clock.Advance(7*24*time.Hour - time.Second)
	all, w.owner = w.token("all", "https://management.azure.com"), w.token("owner", "https://management.azure.com")
	if got := w.ask(all, "GET", deleted+"one"+version, ""); got.status != 200 || got.at("properties", "vaultId") != keyVault+"one" {
		t.Errorf("%d %s", got.status, got.text)
	}
	w.clock.Advance(time.Second)
	if got := w.ask(all, "GET", deleted+"one"+version, ""); got.status != 404 || w.plane["one"] != "" {
		t.Errorf("%d %s", got.status, got.text)
	}
	name := w.ask(all, "POST", subscriptionID+"/providers/Microsoft.KeyVault/checkNameAvailability"+version, `{"name":"two"}`)
	if name.body["nameAvailable"] != false || name.body["reason"] != "AlreadyExists" {
		t.Errorf("%s", name.text)
	}
	if err := w.server.Vaults().Add(vaults.Vault{Name: "declared", ResourceID: keyVault + "declared"}); err != nil || w.plane["declared"] != "open" {
		t.Errorf("%v", err)
	}
}
