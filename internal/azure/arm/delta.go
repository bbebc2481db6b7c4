package arm

import (
	"encoding/json"
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// Azure's words for what a machine has.
const (
	none    = "None"
	system  = "SystemAssigned"
	user    = "UserAssigned"
	systems = "SystemAssigned, UserAssigned"
)

// delta is what an update says: a type, and what changes in the map.
type delta struct {
	word   string
	add    []string
	remove []string
	// blanket is true when the type takes every user-assigned identity away. Azure has no other way to remove the last.
	blanket bool
}

func (d delta) empty() bool { return len(d.add) == 0 && len(d.remove) == 0 }

// deltaOf compares what is wished with what is there. Ids that are in the wanted state already are left out.
func deltaOf(r Resource, h Held, change Change) (delta, error) {
	words, err := readType(r, h)
	if err != nil {
		return delta{}, err
	}
	adds := normal(change.Add)
	if bad := slices.DeleteFunc(slices.Clone(adds), isIdentity); len(bad) > 0 {
		f := fault.New(fault.Invalid, r.String(), "not the resource id of a user-assigned identity: %s", quoteSome(bad)).
			Mend("give the id as this prints it: az identity show --name <identity> --resource-group <group> --query id --output tsv")
		return delta{}, &BadIdentities{IDs: bad, Cause: f}
	}
	var d delta
	left := len(h.Identities)
	for _, id := range adds {
		has, held := h.Identities[id]
		if !held {
			left++
		}
		if !held || has.ClientID == "" { // a dangling entry: naming it again asks Azure to look for the identity
			d.add = append(d.add, id)
		}
	}
	for _, id := range normal(change.Remove) {
		if _, held := h.Identities[id]; held && !slices.Contains(adds, id) {
			left--
			d.remove = append(d.remove, id)
		}
	}
	if n := len(d.add) + len(d.remove); n > MaxChange {
		return delta{}, fault.New(fault.Invalid, r.String(), "%d identities in one update, %d are allowed", n, MaxChange)
	}
	return d.worded(words, left), nil
}

// worded sets the type for what the machine has, and how many user-assigned identities it will have.
func (d delta) worded(has types, left int) delta {
	switch {
	case left > 0 && has.system:
		d.word = systems
	case left > 0:
		d.word = user
	case has.system:
		d.word, d.blanket = system, true
	default:
		d.word, d.blanket = none, true
	}
	return d
}

// types is which sorts of identity a machine has.
type types struct{ system bool }

// readType reads Azure's word. One that nobody knows yet stops the update: the type is always sent along, and would take
// away what the word stands for.
func readType(r Resource, h Held) (types, error) {
	t := types{system: h.PrincipalID != ""}
	for word := range strings.SplitSeq(h.Type, ",") {
		switch word = strings.TrimSpace(word); {
		case strings.EqualFold(word, system):
			t.system = true
		case word == "" || strings.EqualFold(word, none) || strings.EqualFold(word, user):
		default:
			return types{}, fault.New(fault.Unsupported, r.String(), "its identity is of type %q, which cannot be changed without loss", fault.Shorten(h.Type))
		}
	}
	return t, nil
}

// body is the update as Azure reads it. An explicit null removes one identity and leaves those alone that somebody else
// added since; only the last one has to be removed by the type.
func (d delta) body() ([]byte, error) {
	identity := map[string]any{"type": d.word}
	if !d.blanket {
		entries := map[string]any{}
		for _, id := range d.add {
			entries[id] = struct{}{}
		}
		for _, id := range d.remove {
			entries[id] = nil
		}
		identity["userAssignedIdentities"] = entries
	}
	return json.Marshal(map[string]any{"identity": identity})
}

// normal is ids in lower case, each once.
func normal(ids []string) []string {
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, strings.ToLower(id))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
