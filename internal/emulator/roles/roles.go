// Package roles is Azure's built-in roles, as many as the emulator has something to do for: known by a name or a definition
// id, and patterns of what they allow at the resource manager and in the vaults. It is pure.
package roles

import (
	"path"
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// Role is a built-in role. The zero Role allows nothing.
type Role struct {
	ID   string // of its definition, a GUID
	Name string
	// Actions are what it allows at the resource manager, NotActions what is taken out of that, DataActions what it allows
	// in the vaults. All are patterns of at most one "*" each, for any text within or across segments.
	Actions, NotActions, DataActions []string
}

// Find takes a role's name, its definition id, or the ARM id that ends with it, in any case. An unknown one is Invalid,
// and what is said of it lists those there are; what completes the sentence "role x ...".
func Find(known []Role, ref, what string) (Role, error) {
	id := path.Base(ref)
	i := slices.IndexFunc(known, func(r Role) bool { return strings.EqualFold(r.Name, ref) || strings.EqualFold(r.ID, id) })
	if i >= 0 {
		return known[i], nil
	}
	names := make([]string, len(known))
	for i, r := range known {
		names[i] = r.Name
	}
	return Role{}, fault.New(fault.Invalid, "role "+ref, "%s", what).Mend("use one of: %s", strings.Join(names, ", "))
}

// Allows says whether it allows an action at the resource manager. It compares without case, as Azure does.
func (r Role) Allows(action string) bool {
	return among(r.Actions, action) && !among(r.NotActions, action)
}

// AllowsData says the same of an action in a vault.
func (r Role) AllowsData(action string) bool { return among(r.DataActions, action) }

func among(patterns []string, action string) bool {
	action = strings.ToLower(action)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		before, after, star := strings.Cut(strings.ToLower(pattern), "*")
		if !star {
			return action == before
		}
		return len(action) >= len(before)+len(after) && strings.HasPrefix(action, before) && strings.HasSuffix(action, after)
	})
}
