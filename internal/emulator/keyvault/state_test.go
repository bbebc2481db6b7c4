package keyvault_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/fault"
)

// TestStateRoundTrip: a server made from another's export answers every question alike.
func TestStateRoundTrip(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	must(t, w.kv.Shape("v1", keyvault.Traits{Issuing: time.Hour}))
	w.done("PUT", "/certificates/issuers/acme", `{"provider":"Test"}`)
	w.done("PUT", "/certificates/contacts", `{"contacts":[{"email":"a@b.c"}]}`)
	w.done("POST", "/certificates/pending/create",
		`{"policy":{"issuer":{"name":"Self"},"key_props":{"kty":"EC"},"x509_props":{"subject":"CN=a"}}}`)
	paths := []string{
		"/secrets", "/keys", "/certificates", "/deletedsecrets", "/secrets/db/versions", "/secrets/random", "/secrets/legacy",
		"/keys/rsa", "/keys/oct", "/keys/chained", "/certificates/chained", "/certificates/chained/policy", "/deletedsecrets/gone",
		"/certificates/issuers/acme", "/certificates/contacts", "/certificates/pending/pending",
	}
	before := map[string]string{}
	for _, path := range paths {
		before[path] = w.done("GET", path, "").raw
	}
	state, err := w.kv.Export()
	must(t, err)

	// The same address, so that ids stay equal: the contents are emptied and put back.
	w.kv.RemoveVault("v1")
	must(t, w.kv.Import(state))
	for _, path := range paths {
		equal(t, path, w.done("GET", path, "").raw, before[path])
	}
	again, err := w.kv.Export()
	must(t, err)
	equal(t, "same state", bytes.Equal(again, state), true)

	w.clock.Advance(time.Hour)
	w.done("GET", "/secrets/pending", "") // a request goes on after it was put back
}

// TestImportRefuses what Export did not write, and changes nothing then.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	w := seeded(t)
	for _, state := range []string{"", "{}", `{"Format":99}`,
		`{"Format":1,"Vaults":[{"Name":"v1","Data":{"secrets":[{"Name":"x"}]}}]}`,
		`{"Format":1,"Vaults":[{"Name":"v1","Data":{"secrets":[{"Name":"x","Versions":[{}]}]}}]}`,
		`{"Format":1,"Vaults":[{"Name":"v1","Data":{"secrets":[{"Name":"x","Versions":[{"Key":{}}]}]}}]}`,
		`{"Format":1,"Vaults":[{"Name":"v1","Data":{"keys":[{"Name":"x","Versions":[{"Key":{"Material":"AAAA"}}]}]}}]}`,
	} {
		equal(t, state, fault.KindOf(w.kv.Import([]byte(state))), fault.Invalid)
	}
	w.done("GET", "/secrets/random", "")
}

// TestManyAtOnce is for the race detector: writers, readers, seeders and shapers on one vault.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 10 {
				path := fmt.Sprintf("/secrets/s%d", worker%4)
				w.send("PUT", path, `{"value":"x","tags":{"a":"b"}}`)
				w.send("PATCH", path, `{"tags":{"c":"d"}}`)
				w.send("GET", path, "")
				w.send("GET", path+"/versions", "")
				_ = w.kv.Shape("v1", keyvault.Traits{EmptyPages: i%2 == 0})
				_ = w.kv.Seed("v1", []keyvault.Object{{Kind: "cert", Name: "c"}})
				w.send("GET", "/certificates/c", "")
				_, _ = w.kv.Export()
			}
		})
	}
	group.Wait()
	for worker := range 4 {
		ids, err := w.kv.Versions("v1", keyvault.Secrets, fmt.Sprintf("s%d", worker))
		must(t, err)
		equal(t, "versions", len(ids), 20)
	}
}
