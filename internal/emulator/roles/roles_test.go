package roles_test

import (
	"strings"
	"testing"

	"strongroom/internal/emulator/roles"
	"strongroom/internal/fault"
)

var known = []roles.Role{
	{ID: "acdd72a7-3385-48ef-bd42-f606fba81ae7", Name: "Reader", Actions: []string{"*/read"}},
	{ID: "00482a5a-887f-4fb3-b363-3b7fe8e74483", Name: "Key Keeper", Actions: []string{"keys/*", "secrets/get/action"}},
}

func TestFindTakesNamesAndIdsInAnyCase(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"Reader", "READER", "ACDD72A7-3385-48EF-BD42-F606FBA81AE7",
		"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"} {
		if r, err := roles.Find(known, ref, ""); err != nil || r.Name != "Reader" {
			t.Errorf("%s: %v, %v", ref, r, err)
		}
	}
	_, err := roles.Find(known, "Owner", "is not known here")
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Explain(err), "role Owner: is not known here; to mend: use one of: Reader, Key Keeper") {
		t.Errorf("got %s", fault.Explain(err))
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]bool{
		"keys/read": true, "KEYS/a/b": true, "keys": false, "secrets/get/action": true, "Secrets/Get/Action": true, "secrets/get/action/x": false,
	} {
		if known[1].Allows(action) != want {
			t.Errorf("%s: %v", action, !want)
		}
	}
	if !known[0].Allows("a/b/read") || known[0].Allows("read") || (roles.Role{}).Allows("read") {
		t.Error("a star at the front, or no role at all")
	}
}
