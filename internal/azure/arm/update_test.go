package arm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/arm"
	"strongroom/internal/fault"
)

func TestAnUpdateSaysOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	const both = "SystemAssigned, UserAssigned"
	for name, test := range map[string]struct {
		held        arm.Held
		add, remove []string
		word        string // empty: no request
		entries     string // of the map: +added -removed; "none" when there is no map
	}{
		"the first":                    {on(""), ids("a"), nil, "UserAssigned", "+a"},
		"the first after None":         {on("None"), ids("a"), nil, "UserAssigned", "+a"},
		"one more":                     {on("UserAssigned", "x"), ids("a"), nil, "UserAssigned", "+a"},
		"beside a system-assigned one": {on("SystemAssigned"), ids("a"), nil, both, "+a"},
		"beside both":                  {on("systemassigned,userassigned", "x"), ids("a"), nil, both, "+a"},
		"one of two away":              {on("UserAssigned", "a", "x"), nil, ids("a"), "UserAssigned", "-a"},
		"one of two away beside a system-assigned": {on(both, "a", "x"), nil, ids("a"), both, "-a"},
		"the last away":                            {on("UserAssigned", "a"), nil, ids("a"), "None", "none"},
		"the last away beside a system-assigned":   {on(both, "a"), nil, ids("a"), "SystemAssigned", "none"},
		"the last is replaced":                     {on("UserAssigned", "a"), ids("b"), ids("a"), "UserAssigned", "+b -a"},
		"in any case and more than once":           {on("UserAssigned", "x"), append(ids("a"), strings.ToUpper(identities)+"A"), nil, "UserAssigned", "+a"},
		"added wins over removed":                  {on("UserAssigned", "a"), ids("a"), ids("a"), "", ""},
		"there already":                            {on("UserAssigned", "a"), ids("a"), nil, "", ""},
		"away already":                             {on("UserAssigned", "x"), nil, ids("a"), "", ""},
		"away already, only a system-assigned one": {on("SystemAssigned"), nil, ids("a"), "", ""},
		"away already, nothing at all":             {on("None"), nil, ids("a"), "", ""},
		"nothing wished for":                       {on("UserAssigned", "x"), nil, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(202, "", "Azure-AsyncOperation: {home}/operations/1"))
			op, err := s.client(t).Update(t.Context(), pool, test.held, arm.Change{Add: test.add, Remove: test.remove})
			if err != nil {
				t.Fatal(err)
			}
			if test.word == "" {
				if n := s.requests(); n != 0 || !op.Done {
					t.Errorf("%d requests, operation %+v", n, op)
				}
				return
			}
			word, entries := readBody(t, s.only(t).body)
			if word != test.word || entries != test.entries || op.Done {
				t.Errorf("sent %s with %q, want %s with %q; operation %+v", word, entries, test.word, test.entries, op)
			}
		})
	}
}

// readBody spells an update's map as the table does.
func readBody(t *testing.T, body string) (word, entries string) {
	t.Helper()
	var got map[string]struct {
		Type string                     `json:"type"`
		User map[string]json.RawMessage `json:"userAssignedIdentities"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 1 {
		t.Fatalf("%v in %s", err, body)
	}
	if got["identity"].User == nil {
		return got["identity"].Type, "none"
	}
	var added, removed []string
	for _, name := range []string{"a", "b", "x"} {
		switch string(got["identity"].User[identities+name]) {
		case "{}":
			added = append(added, "+"+name)
		case "null":
			removed = append(removed, "-"+name)
		}
	}
	if len(added)+len(removed) != len(got["identity"].User) {
		t.Errorf("the map holds something else: %s", body)
	}
	return got["identity"].Type, strings.Join(append(added, removed...), " ")
}

func TestTheRequestsAreTheOriginals(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, `{"properties":{"provisioningState":"Succeeded"}}`))
	c := s.client(t, func(c *arm.Config) { c.UserAgentSuffix = "my-cluster" })
	op, err := c.Update(t.Context(), vm, on(""), arm.Change{Add: ids("a")})
	if err != nil || !op.Done {
		t.Fatalf("%+v, %v", op, err)
	}
	got := s.only(t)
	if want := nodes + "/providers/Microsoft.Compute/virtualMachines/node-1?api-version=2019-12-01"; got.Method != "PATCH" || got.RequestURI != want {
		t.Errorf("%s %s", got.Method, got.RequestURI)
	}
	want := `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"` + identities + `a":{}}}}`
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Error(diff)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + bearer, "User-Agent": "strongroom/test my-cluster",
		"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", "If-Match": ""} {
		if got := got.Header.Get(name); got != value {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What takes everything away is said only of the state that was looked at; what names its identities needs no condition.
func TestTakingTheLastDependsOnWhatWasSeen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		remove []string
		match  string
	}{"the last two": {ids("a", "b"), `"7"`}, "one of two": {ids("a"), ""}} {
		s := serve(t, says(412, errorBody("ConditionNotMet", "it has changed")))
		held := on("UserAssigned", "a", "b")
		held.ETag = `"7"`
		_, err := s.client(t).Update(t.Context(), pool, held, arm.Change{Remove: test.remove})
		if got := s.only(t).Header.Get("If-Match"); got != test.match || fault.KindOf(err) != fault.Busy {
			t.Errorf("%s: If-Match %q, %v", name, got, err)
		}
	}
}

func TestADanglingEntryIsNamedAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, says(202, "", "Location: {home}/operations/1"))
	held := on("UserAssigned", "a")
	held.Identities[identities+"a"] = arm.HeldIdentity{}
	if _, err := s.client(t).Update(t.Context(), pool, held, arm.Change{Add: ids("a")}); err != nil {
		t.Fatal(err)
	}
	if word, entries := readBody(t, s.only(t).body); word != "UserAssigned" || entries != "+a" {
		t.Errorf("%s %s", word, entries)
	}
}

func TestUpdatesThatAreNeverSent(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range arm.MaxChange + 1 {
		many = append(many, fmt.Sprintf("%sid-%d", identities, i))
	}
	deleting, future := on("UserAssigned", "x"), on("SystemAssigned, Cryptographic", "x")
	deleting.ProvisioningState = "deleting"
	for name, test := range map[string]struct {
		at     arm.Resource
		held   arm.Held
		change arm.Change
		kind   fault.Kind
		says   string
		bad    int
	}{
		"too many":            {pool, on(""), arm.Change{Add: many}, fault.Invalid, "151 identities", 0},
		"malformed":           {pool, on(""), arm.Change{Add: append(ids("a"), "shop", "/subscriptions/x")}, fault.Invalid, "/subscriptions/x, shop", 2},
		"being deleted":       {pool, deleting, arm.Change{Add: ids("a")}, fault.NotFound, "being deleted", 0},
		"of a type of later":  {pool, future, arm.Change{Remove: ids("x")}, fault.Unsupported, "without loss", 0},
		"no machine":          {arm.Resource{}, on(""), arm.Change{Add: ids("a")}, fault.Invalid, "address", 0},
		"leaves its segment":  {arm.Resource{Subscription: "s", Group: "..", Name: "n", Kind: arm.ScaleSet}, on(""), arm.Change{Add: ids("a")}, fault.Invalid, "address", 0},
		"of a kind of nobody": {arm.Resource{Subscription: "s", Group: "g", Name: "n", Kind: "disks"}, on(""), arm.Change{Add: ids("a")}, fault.Invalid, "address", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(500, ""))
			_, err := s.client(t).Update(t.Context(), test.at, test.held, test.change)
			if fault.KindOf(err) != test.kind || !strings.Contains(fmt.Sprint(err), test.says) || s.requests() != 0 {
				t.Errorf("%d requests, %v: %v", s.requests(), fault.KindOf(err), err)
			}
			var bad *arm.BadIdentities
			if errors.As(err, &bad) != (test.bad > 0) || bad != nil && len(bad.IDs) != test.bad {
				t.Errorf("blames %+v", bad)
			}
		})
	}
}

func TestExactlyTheMostIsSent(t *testing.T) {
	t.Parallel()
	s := serve(t, says(202, "", "Location: {home}/operations/1"))
	var many []string
	for i := range arm.MaxChange {
		many = append(many, fmt.Sprintf("%sid-%d", identities, i))
	}
	if _, err := s.client(t).Update(t.Context(), pool, on(""), arm.Change{Add: many}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(s.only(t).body, ":{}"); n != arm.MaxChange {
		t.Errorf("%d identities were sent", n)
	}
}
