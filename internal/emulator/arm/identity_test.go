package arm_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatAPatchMakesOfIdentities(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		name, start, body, want string
	}{
		{"the first one", "None", assigned("UserAssigned", "a"), "a"},
		{"the map is merged", "UserAssigned a", assigned("UserAssigned", "b"), "a b"},
		{"null removes one", "UserAssigned a b", assigned("UserAssigned", "-a"), "b"},
		{"one comes, one goes", "UserAssigned a b", assigned("UserAssigned", "-a", "c"), "b c"},
		{"again is nothing new", "UserAssigned a", assigned("UserAssigned", "a"), "a"},
		{"removing what is not there", "UserAssigned a", assigned("UserAssigned", "-b"), "a"},
		{"no map changes no map", "UserAssigned a", assigned("UserAssigned"), "a"},
		{"None takes all", "SystemAssigned,UserAssigned a b", assigned("None"), ""},
		{"None with nulls", "UserAssigned a", assigned("None", "-a"), ""},
		{"the machine's own", "None", assigned("SystemAssigned"), "system"},
		{"both", "UserAssigned a", assigned("systemassigned, UserAssigned", "b"), "system a b"},
		{"both, in the other order and without a space", "SystemAssigned", assigned("UserAssigned,SystemAssigned", "a"), "system a"},
		{"a type without user-assigned takes those", "SystemAssigned,UserAssigned a", assigned("SystemAssigned"), "system"},
		{"a type without system-assigned takes that", "SystemAssigned,UserAssigned a", assigned("UserAssigned"), "a"},
		{"nothing about identity", "SystemAssigned,UserAssigned a", `{"tags":{"x":"y"}}`, "system a"},
		{"identity null", "UserAssigned a", `{"identity":null}`, "a"},
	} {
		w.prepare(test.start)
		w.patch(vm, test.body)
		if got := w.holds("node-1"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// prepare gives the machine the identities of a line such as "UserAssigned a b", whatever it had before.
func (w *world) prepare(start string) {
	w.t.Helper()
	var kind string
	var names []string
	for i, word := range strings.Fields(start) {
		if i == 0 {
			kind = word
		} else {
			names = append(names, word)
		}
	}
	w.patch(vm, assigned("None"))
	w.patch(vm, assigned(kind, names...))
}

func TestAPutTakesThePlaceOfWhatThereWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepare("SystemAssigned,UserAssigned a b")
	if got := w.ask(w.owner, "PUT", vm+version, assigned("UserAssigned", "b", "c")); got.status != 200 || w.holds("node-1") != "b c" {
		t.Errorf("%d, holds %s", got.status, w.holds("node-1"))
	}
	if got := w.ask(w.owner, "PUT", vm+version, `{"location":"local"}`); got.status != 200 || w.holds("node-1") != "b c" {
		t.Errorf("without identity: %d, holds %s", got.status, w.holds("node-1"))
	}
	if got := w.ask(w.owner, "PUT", vm+version, assigned("UserAssigned", "-b")); got.status != 400 || got.code() != "MissingIdentityIds" {
		t.Errorf("all removed: %d %s", got.status, got.text)
	}
}

func TestTheAnswerFillsInWhoTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.patch(vm, assigned("SystemAssigned, UserAssigned", "a"))
	own, _ := w.directory.Find("node-1")
	a, _ := w.directory.Find("a")
	want := map[string]any{
		"type": "SystemAssigned, UserAssigned", "principalId": own.ObjectID, "tenantId": own.TenantID,
		"userAssignedIdentities": map[string]any{identity + "a": map[string]any{"clientId": a.ClientID, "principalId": a.ObjectID}},
	}
	if diff := cmp.Diff(want, got.body["identity"]); diff != "" || own.ResourceID != vm {
		t.Errorf("%s (-want +got):\n%s", own.ResourceID, diff)
	}
	read := w.ask(w.owner, "GET", vm+version, "")
	if diff := cmp.Diff(want, read.body["identity"]); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	if now := got.body["properties"].(map[string]any)["provisioningState"]; now != "Updating" { // or no SDK would poll
		t.Errorf("the answer says %s", now)
	}
	none := w.patch(vm, assigned("None"))
	if _, there := none.body["identity"]; there {
		t.Errorf("still an identity: %s", none.text)
	}
	if _, known := w.directory.Find(own.ObjectID); known {
		t.Error("the system-assigned identity outlived its assignment")
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prepare("UserAssigned a")
	for name, test := range map[string]struct{ body, code string }{
		"no JSON":                      {"{", "InvalidRequestContent"},
		"nothing":                      {"", "InvalidRequestContent"},
		"no type":                      {`{"identity":{}}`, "InvalidRequestContent"},
		"an unknown type":              {assigned("Managed"), "InvalidRequestContent"},
		"an empty type":                {assigned(""), "InvalidRequestContent"},
		"None and more":                {assigned("None, SystemAssigned"), "InvalidRequestContent"},
		"a list for a map":             {`{"identity":{"type":"UserAssigned","userAssignedIdentities":[]}}`, "InvalidRequestContent"},
		"a text for an entry":          {`{"identity":{"type":"UserAssigned","userAssignedIdentities":{"` + identity + `a":"x"}}}`, "InvalidRequestContent"},
		"one identity in two cases":    {`{"identity":{"type":"UserAssigned","userAssignedIdentities":{"` + identity + `a":{},"` + identity + `A":null}}}`, "InvalidRequestContent"},
		"not an id":                    {`{"identity":{"type":"UserAssigned","userAssignedIdentities":{"a":{}}}}`, "LinkedInvalidPropertyId"},
		"the id of a machine":          {`{"identity":{"type":"UserAssigned","userAssignedIdentities":{"` + vm + `":{}}}}`, "LinkedInvalidPropertyId"},
		"the last one, and no type":    {assigned("UserAssigned", "-a"), "MissingIdentityIds"},
		"an identity of another type":  {assigned("SystemAssigned", "b"), "InvalidParameter"},
		"an identity and no identity":  {assigned("None", "b"), "InvalidParameter"},
		"more than anybody would send": {`{"x":"` + string(make([]byte, 2<<20)) + `"}`, "InvalidRequestContent"},
	} {
		if got := w.ask(w.owner, "PATCH", vm+version, test.body); got.status != 400 || got.code() != test.code {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if got := w.holds("node-1"); got != "a" {
		t.Errorf("a refused body changed it to %q", got)
	}
}

func TestIDsGoByNoCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const shouted = "/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000000/resourcegroups/EMULATOR/Providers/microsoft.compute/VIRTUALMACHINES//Node-1/"
	body := `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"` + strings.ToUpper(identity) + `A":{}}}}`
	got := w.ask(w.owner, "PATCH", shouted+version, body)
	users, _ := got.body["identity"].(map[string]any)["userAssignedIdentities"].(map[string]any)
	if _, own := users[identity+"a"]; got.status != 200 || got.body["id"] != vm || !own {
		t.Errorf("%d %s", got.status, got.text)
	}
	w.patch(vm, `{"identity":{"type":"None","userAssignedIdentities":{"`+strings.ToUpper(identity)+`a":null}}}`)
}

func TestPreconditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etag := w.ask(w.owner, "GET", vm+version, "").header.Get("ETag")
	for _, test := range []struct {
		header, value string
		status        int
	}{{"If-Match", `"other"`, 412}, {"If-None-Match", "*", 412}, {"If-None-Match", etag, 412}, {"If-None-Match", `"other"`, 200}, {"If-Match", "*", 200}} {
		got := w.ask(w.owner, "PATCH", vm+version, `{}`, test.header, test.value)
		if got.status != test.status {
			t.Errorf("%s %s: %d %s", test.header, test.value, got.status, got.text)
		}
		etag = w.ask(w.owner, "GET", vm+version, "").header.Get("ETag")
	}
	if got := w.ask(w.owner, "PATCH", vm+version, assigned("SystemAssigned"), "If-Match", etag); got.status != 200 || got.header.Get("ETag") == etag {
		t.Errorf("%d %s", got.status, got.header.Get("ETag"))
	}
}
