package compute

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"strongroom/internal/emulator/arm/wire"
	"strongroom/internal/emulator/entra"
)

// wish is the identity part of a PATCH or PUT.
type wish struct {
	word         string // the type as given, for messages
	system, user bool
	add, drop    []string // resource ids, sorted so that answers are the same every time
}

// readWish reads a body; nil when it says nothing about identities.
func readWish(body []byte) (*wish, *wire.Answer) {
	var given struct {
		Identity *struct {
			Type                   *string                    `json:"type"`
			UserAssignedIdentities map[string]json.RawMessage `json:"userAssignedIdentities"`
		} `json:"identity"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return nil, wire.BadContent("it is not the JSON of a resource")
	}
	if given.Identity == nil {
		return nil, nil
	}
	if given.Identity.Type == nil {
		return nil, wire.BadContent("Required property 'type' not found in JSON. Path 'identity'")
	}
	w := &wish{word: *given.Identity.Type}
	if !w.readType() {
		return nil, wire.BadContent("Error converting value \"%s\" to an identity type. Path 'identity.type'", w.word)
	}
	return w, w.readMap(given.Identity.UserAssignedIdentities)
}

// readType takes None alone, or the other two in any order, with or without a space after the comma.
func (w *wish) readType() bool {
	words := strings.Split(w.word, ",")
	for _, word := range words {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "systemassigned":
			w.system = true
		case "userassigned":
			w.user = true
		case "none":
			return len(words) == 1
		default:
			return false
		}
	}
	return true
}

func (w *wish) readMap(given map[string]json.RawMessage) *wire.Answer {
	seen := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(given)) {
		switch {
		case !isIdentityID(id):
			return wire.Refuse(http.StatusBadRequest, "LinkedInvalidPropertyId", "Property id '%s' at path 'identity.userAssignedIdentities' is invalid. "+
				"Expect fully qualified resource Id of a user assigned identity.", id)
		case seen[strings.ToLower(id)]:
			return wire.BadContent("the identity %s is given twice", id)
		}
		seen[strings.ToLower(id)] = true
		value := strings.TrimSpace(string(given[id]))
		switch {
		case value == "null":
			w.drop = append(w.drop, id)
		case strings.HasPrefix(value, "{"):
			w.add = append(w.add, id)
		default:
			return wire.BadContent("the value of identity %s must be an object or null", id)
		}
	}
	if !w.user && len(w.add) > 0 {
		return wire.Refuse(http.StatusBadRequest, "InvalidParameter", "User assigned identities cannot be given with identity type '%s'.", w.word)
	}
	return nil
}

// isIdentityID reports whether an id has the form of a user-assigned identity's.
func isIdentityID(id string) bool {
	s := strings.Split(strings.ToLower(id), "/")
	return len(s) == 9 && s[0] == "" && s[1] == "subscriptions" && s[3] == "resourcegroups" && s[5] == "providers" &&
		s[6] == "microsoft.managedidentity" && s[7] == "userassignedidentities" && s[2] != "" && s[4] != "" && s[8] != ""
}

// from is what becomes of a holding. The map is merged into what there is, or with replace takes its place; a type that
// does not contain UserAssigned takes them all away, whatever the map says. A system-assigned identity that is wished for
// and not there stays nil: making one is not for a pure function.
func (w *wish) from(have Holding, replace bool, find func(id string) (entra.Principal, bool)) (Holding, *wire.Answer) {
	var next Holding
	if w.system {
		next.System = have.System
	}
	if !w.user {
		return next, nil
	}
	for _, p := range have.User {
		dropped := slices.ContainsFunc(w.drop, func(id string) bool { return sameID(p, id) })
		named := slices.ContainsFunc(w.add, func(id string) bool { return sameID(p, id) })
		if !dropped && (!replace || named) {
			next.User = append(next.User, p)
		}
	}
	for _, id := range w.add {
		if p, known := find(id); known && !next.has(id) {
			next.User = append(next.User, p)
		}
	}
	if len(next.User) == 0 {
		return Holding{}, wire.Refuse(http.StatusBadRequest, "MissingIdentityIds",
			"The identity ids must not be null or empty for '%s' identity type.", w.word)
	}
	return next, nil
}
