package rights

import (
	"net/http"
	"slices"
	"strings"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/roles"
)

// Namespace is what the requests answered here are about.
const Namespace = "Microsoft.Authorization"

// Serve answers a request for role assignments or definitions at any scope.
func (r *Rights) Serve(q wire.Request) *wire.Answer {
	p := q.Path
	switch {
	case p.Is(0, "roleAssignments") && len(p.Rest) <= 2:
		return r.assignments(q)
	case p.Is(0, "roleDefinitions") && len(p.Rest) <= 2:
		return r.definitions(q)
	}
	return wire.NoSuchType(strings.Join(p.Rest, "/"), Namespace)
}

func (r *Rights) definitions(q wire.Request) *wire.Answer {
	if q.Method != http.MethodGet {
		return wire.Refuse(http.StatusForbidden, "CustomRolesNotPlayed", "There are only the built-in roles here.")
	}
	if no := r.Authorize(q.Caller, Namespace+"/roleDefinitions/read", q.Path.Scope); no != nil {
		return no
	}
	if id := q.Path.At(1); id != "" {
		for _, role := range roles.BuiltIn() {
			if strings.EqualFold(role.ID, id) {
				return wire.OK(definitionOf(q, role))
			}
		}
		return wire.NotFound("RoleDefinitionDoesNotExist", "The specified role definition with ID '%s' does not exist.", id)
	}
	list := []definition{}
	for _, role := range roles.BuiltIn() {
		matches, no := wire.Compare(withoutAtScope(q.Query.Get("$filter")), map[string]string{"rolename": role.Name, "type": "BuiltInRole"})
		if no != nil {
			return no
		}
		if matches {
			list = append(list, definitionOf(q, role))
		}
	}
	return wire.List(list)
}

// withoutAtScope drops the part of a filter that all built-in roles meet.
func withoutAtScope(filter string) string {
	terms := slices.DeleteFunc(strings.Split(filter, " and "), func(term string) bool {
		word := strings.ToLower(strings.TrimSpace(term))
		return word == "atscope()" || word == "atscopeandbelow()"
	})
	return strings.Join(terms, " and ")
}

type definition struct {
	ID         string               `json:"id"`
	Name       string               `json:"name"`
	Type       string               `json:"type"`
	Properties definitionProperties `json:"properties"`
}

type definitionProperties struct {
	RoleName         string       `json:"roleName"`
	Type             string       `json:"type"`
	Description      string       `json:"description"`
	AssignableScopes []string     `json:"assignableScopes"`
	Permissions      []permission `json:"permissions"`
}

type permission struct {
	Actions        []string `json:"actions"`
	NotActions     []string `json:"notActions"`
	DataActions    []string `json:"dataActions"`
	NotDataActions []string `json:"notDataActions"`
}

func definitionOf(q wire.Request, role roles.Role) definition {
	return definition{
		ID: definitionID(q.Path.Subscription, role), Name: role.ID, Type: Namespace + "/roleDefinitions",
		Properties: definitionProperties{
			RoleName: role.Name, Type: "BuiltInRole", AssignableScopes: []string{"/"},
			Permissions: []permission{{filled(role.Actions), filled(role.NotActions), filled(role.DataActions), []string{}}},
		},
	}
}

func filled(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// definitionID is a definition's id as a subscription shows it, or the tenant when there is none.
func definitionID(subscription string, role roles.Role) string {
	id := "/providers/" + Namespace + "/roleDefinitions/" + role.ID
	if subscription != "" {
		id = "/subscriptions/" + subscription + id
	}
	return id
}
