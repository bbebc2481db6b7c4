package imds

import (
	"slices"
	"strings"

	"strongroom/internal/emulator/entra"
)

// choose picks the identity a request means. A named one must be assigned to this node; with none named the
// system-assigned one comes first, then the only user-assigned one. Several user-assigned ones and no name is an error
// that tells the operator to name one, and is what bites people who add a second identity to a node.
func choose(have Assigned, want selector) (entra.Principal, *problem) {
	if want.by != "" {
		return named(have, want)
	}
	switch {
	case have.System != nil:
		return *have.System, nil
	case len(have.User) == 1:
		return have.User[0], nil
	case len(have.User) > 1:
		return entra.Principal{}, badRequest("Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request")
	}
	return entra.Principal{}, identityNotFound()
}

func named(have Assigned, want selector) (entra.Principal, *problem) {
	all := slices.Clone(have.User)
	if have.System != nil {
		all = append(all, *have.System)
	}
	for _, p := range all {
		name := map[string]string{"clientID": p.ClientID, "objectID": p.ObjectID, "resourceID": p.ResourceID}[want.by]
		if name != "" && strings.EqualFold(name, want.value) {
			return p, nil
		}
	}
	return entra.Principal{}, identityNotFound()
}

func identityNotFound() *problem { return badRequest("Identity not found") }
