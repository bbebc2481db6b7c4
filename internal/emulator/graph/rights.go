package graph

import (
	"slices"
	"strings"

	"strongroom/internal/emulator/roles"
)

// builtIn are the directory roles that concern applications.
func builtIn() []roles.Role {
	return []roles.Role{
		{ID: "62e90394-69f5-4237-9190-012177145e10", Name: "Global Administrator", Actions: []string{"*"}},
		{ID: "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", Name: "Application Administrator", Actions: administer()},
		{ID: "158c047a-c907-4556-b7ef-446551a6b5f7", Name: "Cloud Application Administrator", Actions: administer()},
		{ID: "88d8e3e3-8f55-4a1e-953a-9b9898b8876b", Name: "Directory Readers", Actions: []string{"*/read"}},
	}
}

func administer() []string {
	return []string{"*/read", "microsoft.directory/applications/*", "microsoft.directory/servicePrincipals/*"}
}

// FindRole finds a directory role by name or id. Invalid when it is not one of those that concern applications.
func FindRole(ref string) (roles.Role, error) {
	return roles.Find(builtIn(), ref, "is not a directory role that concerns applications")
}

// Right gives a principal a directory role.
type Right struct {
	ObjectID string
	Role     roles.Role
}

func (s *Server) may(objectID, action string) bool {
	return slices.ContainsFunc(s.config.Rights, func(r Right) bool {
		return strings.EqualFold(r.ObjectID, objectID) && r.Role.Allows(action)
	})
}
