package match

import (
	"cmp"
	"slices"
	"strings"

	"strongroom/api/aadpodidentity"
)

// Ask is how a request names the identity that it wants. The zero Ask names none, which means whichever the pod has.
type Ask struct{ ClientID, ResourceID, ObjectID string }

// Named is true when the request names an identity in whatever way.
func (a Ask) Named() bool { return a != Ask{} }

// ByObject is true when the object id decides. No AzureIdentity states it: only a token tells.
func (a Ask) ByObject() bool { return a.ClientID == "" && a.ResourceID == "" && a.ObjectID != "" }

// String is the ask as messages have it.
func (a Ask) String() string {
	switch {
	case a.ClientID != "":
		return "client_id " + a.ClientID
	case a.ResourceID != "":
		return "msi_res_id " + a.ResourceID
	case a.ObjectID != "":
		return "object_id " + a.ObjectID
	}
	return "no identity in particular"
}

// Choose is what a request can mean among the identities that a pod may use, the preferred one first. It is empty when
// nothing fits, and never reaches beyond candidates.
//
// Of several names in one request the first counts, in the order client id, resource id, object id; the others are not
// looked at. Ids are compared without regard to case, and each with its own kind only. Where a request names an object id,
// all candidates are returned: the caller asks for their tokens and takes the one that has it. Where it names nothing, the
// first by namespace and name is meant, whatever order the candidates come in. What is returned may be candidates itself.
func Choose(candidates []aadpodidentity.Identity, ask Ask) []aadpodidentity.Identity {
	sorted := candidates
	if len(candidates) > 1 {
		sorted = Sorted(candidates)
	}
	switch {
	case ask.ClientID != "":
		return some(sorted, func(i *aadpodidentity.Identity) bool { return strings.EqualFold(i.ClientID, ask.ClientID) })
	case ask.ResourceID != "":
		return some(sorted, func(i *aadpodidentity.Identity) bool { return sameResource(i.ResourceID, ask.ResourceID) })
	case ask.ObjectID != "":
		return sorted
	}
	return sorted[:min(len(sorted), 1)]
}

// sameResource compares ARM ids as ARM does: neither case nor a slash at the end tells them apart.
func sameResource(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// Sorted is a copy of the list, by namespace and name.
func Sorted(list []aadpodidentity.Identity) []aadpodidentity.Identity {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b aadpodidentity.Identity) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}

// Allowed parts the identities that pods of a namespace may use from those that keep to another namespace: all of another
// namespace when force says so, else those whose annotation does. Where none is kept, allowed is the list itself.
func Allowed(namespace string, force bool, list []aadpodidentity.Identity) (allowed, kept []aadpodidentity.Identity) {
	keeps := func(i *aadpodidentity.Identity) bool { return i.Namespace != namespace && (force || i.Namespaced()) }
	none := true
	for n := range list {
		none = none && !keeps(&list[n])
	}
	if none {
		return slices.Clip(list), nil
	}
	for n := range list {
		if keeps(&list[n]) {
			kept = append(kept, list[n])
		} else {
			allowed = append(allowed, list[n])
		}
	}
	return allowed, kept
}

// some is what fits of a list, which is not changed.
func some(list []aadpodidentity.Identity, fits func(*aadpodidentity.Identity) bool) (fitting []aadpodidentity.Identity) {
	for n := range list {
		if !fits(&list[n]) {
			continue
		}
		if len(list) == 1 {
			return slices.Clip(list)
		}
		fitting = append(fitting, list[n])
	}
	return fitting
}
