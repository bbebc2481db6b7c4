package vaults

import (
	"net/http"
	"slices"
	"strings"

	"strongroom/internal/emulator/arm/wire"
)

// policies is PUT accessPolicies/{add|replace|remove}: it changes the policies of the principals it names and leaves those
// of others alone.
func (s *Server) policies(q wire.Request) *wire.Answer {
	var want given
	if no := q.Read(&want); no != nil {
		return no
	}
	e := s.open(q.Path)
	switch {
	case e == nil:
		return wire.NoSuchResource(vaultType, q.Path.At(1), q.Path.Group)
	case want.Properties == nil || want.Properties.Policies == nil:
		return wire.BadContent("Required property 'accessPolicies' not found in JSON. Path 'properties'")
	}
	next := e.Vault
	next.Policies = slices.Clone(e.Policies)
	for _, p := range *want.Properties.Policies {
		changed, known := change(next.Policies, p, strings.ToLower(q.Path.At(3)))
		if !known {
			return wire.Refuse(http.StatusBadRequest, "BadRequest", "The operation '%s' is none of add, replace and remove.", q.Path.At(3))
		}
		next.Policies = changed
	}
	if no := s.accept(q, e, next, &properties{}); no.Status != http.StatusOK {
		return no
	}
	return wire.OK(map[string]any{
		"id": e.ResourceID + "/accessPolicies/", "type": vaultType + "/accessPolicies", "location": e.resource().Location,
		"properties": map[string]any{"accessPolicies": e.Policies},
	})
}

// change does one operation with one policy; known is false for an operation there is not.
func change(list []Policy, p Policy, operation string) (next []Policy, known bool) {
	i := slices.IndexFunc(list, p.same)
	switch operation {
	case "add":
		if i >= 0 {
			list[i].Permissions = list[i].Permissions.combine(p.Permissions, join)
			return list, true
		}
		return append(list, p), true
	case "replace":
		if i >= 0 {
			list[i].Permissions = p.Permissions
			return list, true
		}
		return append(list, p), true
	case "remove":
		if i >= 0 {
			list[i].Permissions = list[i].Permissions.combine(p.Permissions, without)
			if list[i].Permissions.empty() || p.Permissions.empty() {
				return slices.Delete(list, i, i+1), true
			}
		}
		return list, true
	}
	return nil, false
}
