package state

import (
	"slices"

	"strongroom/internal/fault"
)

// ParsePiece reads what is to be added to a document while it is being played. It is checked by Join, which knows the
// rest.
func ParsePiece(data []byte) (Document, error) {
	var d Document
	return d, decode(data, &d, "").AsError()
}

// Join gives the document with the piece's principals, vaults and bindings at the end of its own. Invalid when the two
// do not go together, with the paths they have in the whole, or when the piece holds what cannot be added later.
func Join(d, piece Document) (Document, error) {
	if problems := piece.fixed(); len(problems) > 0 {
		return Document{}, problems.AsError()
	}
	d.Applications = slices.Concat(d.Applications, piece.Applications)
	d.Identities = slices.Concat(d.Identities, piece.Identities)
	d.Vaults = slices.Concat(d.Vaults, piece.Vaults)
	d.PodBindings = slices.Concat(d.PodBindings, piece.PodBindings)
	d.IdentityBindings = slices.Concat(d.IdentityBindings, piece.IdentityBindings)
	return d, d.Check()
}

// fixed lists what a piece holds although it is settled once the emulator runs.
func (d Document) fixed() fault.List {
	var problems fault.List
	for _, field := range []struct {
		name  string
		given bool
	}{
		{"tenants", len(d.Tenants) > 0}, {"nodes", len(d.Nodes) > 0}, {"scaleSets", len(d.ScaleSets) > 0},
		{"resourceManager", d.ResourceManager != ResourceManager{}}, {"resourceRoles", len(d.ResourceRoles) > 0},
		{"directoryRoles", len(d.DirectoryRoles) > 0},
		{"subscriptions", len(d.Subscriptions) > 0}, {"clusters", len(d.Clusters) > 0},
		{"issuers", len(d.Issuers) > 0}, {"resources", len(d.Resources) > 0}, {"faults", len(d.Faults) > 0},
	} {
		if field.given {
			problems = append(problems, fault.New(fault.Invalid, field.name, "cannot be added while the emulator runs"))
		}
	}
	return problems
}
