package emulator_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
)

// add posts a piece to the control endpoint.
func add(t *testing.T, e *emulator.Emulator, piece string) (int, string) {
	t.Helper()
	status, _, body := fetch(t, e.HTTPClient(), request("POST", e.Endpoints().Control+"/_emulator/additions", piece))
	return status, string(body)
}

func TestAVaultAndItsReaderCanBeAddedWhileItRuns(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	status, body := add(t, e, `
applications: [{name: late, secrets: [{name: s, value: "late secret"}]}]
vaults:
- name: late-kv
  policies: [{principal: late, secrets: [get]}]
  objects: [{kind: secret, name: secret1, versions: [{value: added}]}]
podBindings: [{namespace: bank, pod: "*", identity: `+identity+`}]`)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	var ids map[string]emulator.Ids
	if err := json.Unmarshal([]byte(body), &ids); err != nil || ids["late"].ClientID == "" {
		t.Fatalf("%v in %s", err, body)
	}
	token := tokenFor(t, e, ids["late"].ClientID, e.Endpoints().VaultResource, entra.Grant{})
	if status, _, body := fetch(t, e.HTTPClient(), request("GET", e.VaultURL("late-kv")+getSecret, "", "Authorization", "Bearer "+token)); status != 200 || !bytes.Contains(body, []byte("added")) {
		t.Errorf("%d %s", status, body)
	}
	ask := e.Endpoints().NMI + "/host/token/?resource=" + e.Endpoints().VaultResource
	if status, _, body := fetch(t, e.HTTPClient(), request("GET", ask, "", "podns", "bank", "podname", "web")); status != 200 {
		t.Errorf("the added binding: %d %s", status, body)
	}
	if status, body := add(t, e, `vaults: [{name: later-kv, policies: [{principal: late, secrets: [get]}]}]`); status != 200 {
		t.Errorf("what was added cannot be referred to: %d %s", status, body)
	}
}

func TestWhatCannotBeAdded(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	for piece, want := range map[string]string{
		`vaults: [{name: Shop-Policies}]`:                                            "given twice",
		`vaults: [{name: new-kv, policies: [{principal: nobody, secrets: [get]}]}]`:  "nobody",
		`nodes: [{name: another}]`:                                                   "cannot be added while the emulator runs",
		`clusters: [{name: late}]`:                                                   "cannot be added while the emulator runs",
		`issuers: [{url: "https://a.example", jwks: "{}"}]`:                          "cannot be added while the emulator runs",
		`vaults: [{nam: x}]`:                                                         "nam",
		`vaults: [{name: new-kv, objects: [{kind: secret, name: "not a name"}]}]`:    "not a name",
		`applications: [{name: a, federatedCredentials: [{name: x, subject: "s"}]}]`: "a name is 3 to 120",
	} {
		if status, body := add(t, e, piece); status != 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", piece, status, body)
		}
	}
}
