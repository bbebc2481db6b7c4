package mic

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

// sameAssignment compares what tokens depend on: who the identity is, whose it is, and where the pod is.
func sameAssignment(e *aadpodidentity.AssignedIdentity, w *match.Wanted) bool {
	return e.Node == w.Pod.Node && e.Labels[aadpodidentity.LabelNode] == match.NodeLabel(w.Pod.Node) &&
		sameIdentity(&e.Identity, w.Identity) && e.Binding.Selector == w.Binding.Selector && e.Binding.AzureIdentity == w.Binding.AzureIdentity
}

func sameIdentity(a, b *aadpodidentity.Identity) bool {
	return a.Type == b.Type && sameID(a.ResourceID, b.ResourceID) && sameID(a.ClientID, b.ClientID) &&
		a.ClientPassword == b.ClientPassword && a.TenantID == b.TenantID && a.ADEndpoint == b.ADEndpoint &&
		a.Namespaced() == b.Namespaced() && slices.Equal(a.AuxiliaryTenantIDs, b.AuxiliaryTenantIDs)
}

// sameID overlooks case. Mostly both are the same text in the same memory, which is seen without reading it.
func sameID(a, b string) bool { return a == b || strings.EqualFold(a, b) }

// sameSnapshot compares the rest of what people see in the copies. Versions are left out: they change with a status.
func sameSnapshot(e *aadpodidentity.AssignedIdentity, w *match.Wanted) bool {
	return sameMeta(&e.Identity.Meta, &w.Identity.Meta) && sameMeta(&e.Binding.Meta, &w.Binding.Meta) &&
		e.Identity.ResourceID == w.Identity.ResourceID && e.Identity.ClientID == w.Identity.ClientID
}

func sameMeta(a, b *aadpodidentity.Meta) bool {
	return a.Name == b.Name && a.UID == b.UID && maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations)
}

// ownerOf is what an identity is recognised by: it changes with every edit, and with no status.
func ownerOf(i *aadpodidentity.Identity) string {
	return fmt.Sprint(i.Namespace, "/", i.Name, " ", i.UID, " ", i.ResourceID, " ", i.ClientID, " ", i.Labels, i.Annotations)
}
