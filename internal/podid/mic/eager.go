package mic

import (
	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

// eager wishes for the identities of bindings on every machine that has a node.
func (p *plan) eager(nodes map[string]location, bindings []aadpodidentity.Binding, identities []aadpodidentity.Identity) {
	named := make(map[objectKey]bool, len(bindings))
	for _, b := range bindings {
		named[objectKey{b.Namespace, b.AzureIdentity}] = true
	}
	offered := planner{owners: map[*aadpodidentity.Identity]string{}, plan: plan{wishes: p.wishes}}
	for i := range identities {
		identity := &identities[i]
		id, err := match.Usable(identity)
		if err != nil || id == "" || !named[objectKey{identity.Namespace, identity.Name}] {
			continue
		}
		for _, at := range nodes {
			if at.err == nil {
				offered.wish(at.key, id, identity)
			}
		}
	}
}
