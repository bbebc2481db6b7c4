package arm_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom/internal/emulator/arm"
)

const (
	assignments = "/providers/Microsoft.Authorization/roleAssignments/"
	definitions = "/providers/Microsoft.Authorization/roleDefinitions"
	operatorID  = "f1a07417-d97a-45cb-824c-7a7467783830"
	first       = "00000000-1111-4111-8111-000000000001"
	second      = "00000000-1111-4111-8111-000000000002"
)

func roleFor(role, principal string) string {
	return `{"properties":{"roleDefinitionId":"` + subscriptionID + definitions + "/" + role + `","principalId":"` + principal + `"}}`
}

func TestARoleIsAssignedAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *arm.Config) { c.RolePropagation = time.Minute })
	controller := w.principal("controller", "Virtual Machine Contributor", group)
	p, _ := w.directory.Find("controller")
	mayAssign := func() bool {
		return w.ask(controller, "PATCH", vm+version, assigned("UserAssigned", "a")).status == 200
	}
	if mayAssign() {
		t.Fatal("it may without the role")
	}
	got := w.put(identity+"a"+assignments+first, roleFor(operatorID, p.ObjectID))
	if got.status != 201 || got.body["id"] != identity+"a"+assignments+first || got.at("properties", "scope") != identity+"a" || got.at("properties", "principalType") != "ServicePrincipal" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if mayAssign() {
		t.Error("it may before the role has spread")
	}
	w.clock.Advance(time.Minute)
	if !mayAssign() {
		t.Error("it may not")
	}
	if got := w.ask(w.owner, "DELETE", identity+"a"+assignments+first+version, ""); got.status != 200 || got.body["name"] != first || mayAssign() {
		t.Errorf("taken back: %d %s", got.status, got.text)
	}
	if got := w.ask(w.owner, "DELETE", identity+"a"+assignments+first+version, ""); got.status != 204 {
		t.Errorf("twice: %d", got.status)
	}
}

func TestAssignmentsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.directory.Find("a")
	contributor := w.principal("contributor", "Contributor", group)
	w.put(group+assignments+first, roleFor(operatorID, p.ObjectID))
	const stranger = "00000000-2222-4222-8222-000000000002"
	for name, test := range map[string]struct {
		bearer, name, body, code string
		status                   int
	}{
		"the same again":                  {w.owner, first, roleFor(operatorID, p.ObjectID), "", 200},
		"the same under another name":     {w.owner, second, roleFor(operatorID, p.ObjectID), "RoleAssignmentExists", 409},
		"another under the same name":     {w.owner, first, roleFor("acdd72a7-3385-48ef-bd42-f606fba81ae7", p.ObjectID), "RoleAssignmentUpdateNotPermitted", 409},
		"nobody":                          {w.owner, second, roleFor(operatorID, stranger), "PrincipalNotFound", 400},
		"a client id":                     {w.owner, second, roleFor(operatorID, p.ClientID), "PrincipalNotFound", 400},
		"no principal":                    {w.owner, second, roleFor(operatorID, ""), "InvalidPrincipalId", 400},
		"no role":                         {w.owner, second, roleFor(stranger, p.ObjectID), "RoleDefinitionDoesNotExist", 404},
		"a role by its name":              {w.owner, second, roleFor("Reader", p.ObjectID), "RoleDefinitionDoesNotExist", 404},
		"by somebody who may not":         {contributor, second, roleFor(operatorID, p.ObjectID), "AuthorizationFailed", 403},
		"no JSON":                         {w.owner, second, "{", "InvalidRequestContent", 400},
		"somebody who will be known soon": {w.owner, second, strings.Replace(roleFor(operatorID, stranger), `"principalId"`, `"principalType":"ServicePrincipal","principalId"`, 1), "", 201},
	} {
		if got := w.ask(test.bearer, "PUT", group+assignments+test.name+version, test.body); got.status != test.status || got.code() != test.code {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
}

func TestListsOfAssignments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, _ := w.directory.Find("a")
	b, _ := w.directory.Find("b")
	w.put(group+assignments+first, roleFor(operatorID, a.ObjectID))
	w.put(vm+assignments+second, roleFor(operatorID, b.ObjectID))
	for _, test := range []struct {
		scope, filter string
		count         int // the owner's own assignment is one
	}{
		{group, "", 3},
		{group, "atScope()", 2},
		{vm, "atScope()", 3},
		{group, "principalId eq '" + b.ObjectID + "'", 1},
		{group, "assignedTo('" + strings.ToUpper(a.ObjectID) + "')", 1},
		{group, "atScope() and assignedTo('" + b.ObjectID + "')", 0},
		{pool, "", 2},
	} {
		got := w.ask(w.owner, "GET", test.scope+strings.TrimSuffix(assignments, "/")+version+"&$filter="+url.QueryEscape(test.filter), "")
		if list, _ := got.body["value"].([]any); got.status != 200 || len(list) != test.count {
			t.Errorf("%s %q: %d %s", test.scope, test.filter, got.status, got.text)
		}
	}
	for _, filter := range []string{"x", "atScope() and principalId eq '" + a.ObjectID + "'"} {
		if got := w.ask(w.owner, "GET", group+strings.TrimSuffix(assignments, "/")+version+"&$filter="+url.QueryEscape(filter), ""); got.status != 400 || got.code() != "UnsupportedQuery" {
			t.Errorf("%q: %d %s", filter, got.status, got.text)
		}
	}
}

func TestRolesByNameAndByID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	find := func(filter string) reply {
		return w.ask(w.owner, "GET", vm+definitions+version+"&$filter="+url.QueryEscape(filter), "")
	}
	got := find("roleName eq 'managed identity operator'")
	if got.names() != operatorID || !strings.Contains(got.text, subscriptionID+definitions+"/"+operatorID) || !strings.Contains(got.text, "userAssignedIdentities/assign/action") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := find("atScope() and roleName eq 'Key Vault Secrets User'"); got.names() != "4633458b-17de-408a-b874-0445c86b69e6" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := find("roleName eq 'Nobody'"); got.status != 200 || got.names() != "" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := find("color eq 'red'"); got.status != 400 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.get(group + definitions + "/" + operatorID); got.at("properties", "roleName") != "Managed Identity Operator" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := w.get(group + definitions + "/" + first); got.status != 404 {
		t.Errorf("%d %s", got.status, got.text)
	}
}
