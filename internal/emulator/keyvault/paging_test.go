package keyvault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"strongroom/internal/emulator/keyvault"
)

func manySecrets(t *testing.T, w *world, n int) {
	t.Helper()
	var objects []keyvault.Object
	for i := range n {
		objects = append(objects, keyvault.Object{Kind: "secret", Name: fmt.Sprintf("s%03d", i)})
	}
	must(t, w.kv.Seed("v1", objects))
}

// TestPagingSDK: the pager sees every name once, also where empty pages stand between the full ones.
func TestPagingSDK(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		empty        bool
		n, wantPages int
	}{{false, 60, 3}, {false, 50, 2}, {false, 0, 1}, {true, 60, 6}, {true, 0, 2}} {
		w := newWorld(t, keyvault.Traits{EmptyPages: tc.empty})
		manySecrets(t, w, tc.n)
		pages, names := 0, []string{}
		for pager := secretsClient(w).NewListSecretPropertiesPager(nil); pager.More(); pages++ {
			page, err := pager.NextPage(t.Context())
			must(t, err)
			for _, s := range page.Value {
				names = append(names, s.ID.Name())
			}
		}
		equal(t, "pages", pages, tc.wantPages)
		equal(t, "names", len(slices.Compact(names)), tc.n)
	}
}

// TestPagingSDKVersions pages over versions, too.
func TestPagingSDKVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	must(t, w.kv.Seed("v1", []keyvault.Object{{Kind: "secret", Name: "s", Versions: make([]keyvault.Version, 30)}}))
	ids := map[azsecrets.ID]bool{}
	for pager := secretsClient(w).NewListSecretPropertiesVersionsPager("s", nil); pager.More(); {
		page, err := pager.NextPage(t.Context())
		must(t, err)
		for _, s := range page.Value {
			ids[*s.ID] = true
		}
	}
	equal(t, "versions", len(ids), 30)
}

// TestNextLink is absolute, under the authority of the request, with version and page size kept; and what comes and
// goes meanwhile neither hides nor repeats the rest.
func TestNextLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	manySecrets(t, w, 5)
	first := w.send("GET", "//secrets/?api%2Dversion=7.5&maxresults=2", "")
	next, _ := first.body["nextLink"].(string)
	if !strings.HasPrefix(next, w.url()+"/secrets?api-version=7.5&$skiptoken=") || !strings.HasSuffix(next, "&maxresults=2") {
		t.Fatalf("nextLink is %q", next)
	}
	w.done("PUT", "/secrets/s0000", `{"value":""}`)
	w.done("DELETE", "/secrets/s001", "")
	second := w.send("GET", next, "")
	equal(t, "items", len(second.list()), 2)
	equal(t, "first of the second page", second.list()[0].(map[string]any)["id"], any(w.url()+"/secrets/s002"))
	last := w.send("GET", second.body["nextLink"].(string), "")
	equal(t, "items left", len(last.list()), 1)
	value, there := last.body["nextLink"]
	equal(t, "null at the end", there && value == nil, true)
}

// TestListsHoldNoValues and no versions in ids.
func TestListsHoldNoValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	w.done("PUT", "/secrets/s", `{"value":"planted"}`)
	must(t, w.kv.Seed("v1", []keyvault.Object{{Kind: "certificate", Name: "c"}}))
	for _, path := range []string{"/secrets", "/secrets/s/versions", "/keys", "/certificates"} {
		r := w.done("GET", path, "")
		if strings.Contains(r.raw, "planted") || strings.Contains(r.raw, `"value":"`) {
			t.Errorf("%s holds a value: %s", path, r.raw)
		}
	}
	list := w.done("GET", "/secrets", "").list()
	equal(t, "managed are listed", len(list), 2)
	equal(t, "id", list[0].(map[string]any)["id"], any(w.url()+"/secrets/c"))
	equal(t, "managed", list[0].(map[string]any)["managed"], any(true))
}
