package emulator_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
)

func TestTheStateFileKeepsWhatTheVaultsHold(t *testing.T) {
	t.Parallel()
	config := standard()
	config.StateFile = filepath.Join(t.TempDir(), "state.json")
	config.Document.Vaults[0].Policies[0].Secrets = []string{"all"}

	e, stop := run(t, config)
	ca := e.CA()
	auth := func(e *emulator.Emulator) string {
		return "Bearer " + tokenFor(t, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{})
	}
	url := "/secrets/added?api-version=7.4"
	if status, _, body := fetch(t, e.HTTPClient(), request("PUT", e.VaultURL("shop-policies")+url, `{"value":"kept"}`, "Authorization", auth(e), "Content-Type", "application/json")); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, _, body := fetch(t, e.HTTPClient(), request("DELETE", e.VaultURL("shop-policies")+getSecret, "", "Authorization", auth(e))); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	stop()
	info, err := os.Stat(config.StateFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(config.StateFile), ".state*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}

	e = start(t, config)
	if !bytes.Equal(ca, e.CA()) {
		t.Error("the root changed")
	}
	if status, _, body := fetch(t, e.HTTPClient(), request("GET", e.VaultURL("shop-policies")+url, "", "Authorization", auth(e))); status != 200 || !bytes.Contains(body, []byte(`"kept"`)) {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := fetch(t, e.HTTPClient(), request("GET", e.VaultURL("shop-policies")+getSecret, "", "Authorization", auth(e))); status != 404 {
		t.Errorf("what was deleted came back: %d", status)
	}
}

func TestChangesAreSavedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	fake := clock.NewFake()
	config := standard()
	config.StateFile, config.Clock = filepath.Join(t.TempDir(), "state.json"), fake
	config.Document.Vaults[0].Policies[0].Secrets = []string{"all"}
	// The fake clock's year is ahead of the machine's, by which the client judges certificates.
	e := start(t, config)
	client := e.HTTPClient()
	client.Transport.(*http.Transport).TLSClientConfig.Time = fake.Now
	token := tokenFor(t, e, servicePrincipal, e.Endpoints().VaultResource, entra.Grant{})
	r := request("PUT", e.VaultURL("shop-policies")+getSecret, `{"value":"saved early"}`, "Authorization", "Bearer "+token, "Content-Type", "application/json")
	if status, _, body := fetch(t, client, r); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for range 2 { // the second wait begins after the first save
		fake.BlockUntil(1)
		fake.Advance(5 * time.Second)
	}
	fake.BlockUntil(1)
	text, err := os.ReadFile(config.StateFile)
	if err != nil || !bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString([]byte("saved early")))) {
		t.Errorf("not saved: %v", err)
	}
}

func TestTheDumpIsAStateFile(t *testing.T) {
	t.Parallel()
	e := start(t, standard())
	_, _, dump := fetch(t, e.HTTPClient(), request("GET", e.Endpoints().Control+"/_emulator/state", ""))
	config := standard()
	config.StateFile = filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(config.StateFile, dump, 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, config)
	if !bytes.Equal(again.CA(), e.CA()) {
		t.Error("another root")
	}
	token := tokenFor(t, again, servicePrincipal, again.Endpoints().VaultResource, entra.Grant{})
	if status, _, body := fetch(t, again.HTTPClient(), request("GET", again.VaultURL("shop-policies")+getSecret, "", "Authorization", "Bearer "+token)); status != 200 || !bytes.Contains(body, []byte("demo-secret-one")) {
		t.Errorf("%d %s", status, body)
	}
}

func TestAnUnreadableStateFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	for text, kind := range map[string]fault.Kind{"rubbish": fault.Invalid, `{"version":2}`: fault.Unsupported} {
		config := standard()
		config.StateFile = filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(config.StateFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := emulator.New(config); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", text, err)
		}
		if got, err := os.ReadFile(config.StateFile); err != nil || string(got) != text {
			t.Errorf("%s became %s (%v)", text, got, err)
		}
	}
}
