package nmi

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
)

// placed is true of an assignment that is where MIC puts such. Outside of the namespace default there are those of
// identities that keep to their namespace, and these are for pods of the same one. Whoever may write objects in a namespace
// of their own could otherwise give pods of others whatever identity they like.
func placed(a *aadpodidentity.AssignedIdentity) bool {
	return a.Namespace == aadpodidentity.DefaultNamespace ||
		a.Namespace == a.PodNamespace && a.Namespace == homeOf(a)
}

// homeOf is the namespace of identity and binding. Objects of old versions leave it out of one of both.
func homeOf(a *aadpodidentity.AssignedIdentity) string {
	return cmp.Or(a.Identity.Namespace, a.Binding.Namespace)
}

// backed is false of an assignment whose binding or identity says something else by now, or was seen to go: MIC will take
// it back, but may not have come to that, or not run at all. What was never seen is left to MIC, unless the assignment is
// for another namespace than its own where all identities keep to theirs: there it has to prove itself.
func (s *Server) backed(pod *Pod, a *aadpodidentity.AssignedIdentity) bool {
	if s.Bindings == nil {
		return true
	}
	home, unseen := homeOf(a), !s.ForceNamespaced || a.Namespace == pod.Namespace
	bound, changed := false, false
	bindings, identities := s.Bindings.Bindings(), s.Bindings.Identities()
	for n := range bindings {
		if b := &bindings[n]; b.Namespace == home {
			bound = bound || b.AzureIdentity == a.Identity.Name && b.Selector == label(*pod)
			changed = changed || b.Name == a.Binding.Name
		}
	}
	if !bound && (changed || !unseen || s.Bindings.BindingGone(home, a.Binding.Name)) {
		return false
	}
	for n := range identities {
		if i := &identities[n]; i.Name == a.Identity.Name && i.Namespace == home {
			return sameIdentity(i, &a.Identity) && (i.Namespace == pod.Namespace || !i.Namespaced())
		}
	}
	return unseen && !s.Bindings.IdentityGone(home, a.Identity.Name)
}

// sameIdentity compares what a token depends on.
func sameIdentity(a, b *aadpodidentity.Identity) bool {
	return a.Type == b.Type && strings.EqualFold(a.ResourceID, b.ResourceID) && strings.EqualFold(a.ClientID, b.ClientID)
}

// usable are the identities that a pod may have tokens of at this moment.
func (s *Server) usable(pod Pod) []aadpodidentity.Identity {
	if s.Assigned != nil {
		return s.assigned(pod).usable
	}
	return match.Manage(pod.Namespace, label(pod), s.ForceNamespaced, s.Bindings.Bindings(), s.Bindings.Identities()).Identities
}

// given is obtain for a pod that may have waited long for it: what was asked for is handed out when the pod may still have
// it, and when its address is still its own.
func (s *Server) given(ctx context.Context, e *errand, i *aadpodidentity.Identity) (issued, error) {
	got, err := s.obtain(ctx, e, i)
	if err != nil {
		return issued{}, err
	}
	if err := s.stillThere(e); err != nil {
		return issued{}, err
	}
	if !slices.ContainsFunc(s.usable(e.pod), func(u aadpodidentity.Identity) bool {
		return u.Namespace == i.Namespace && u.Name == i.Name && sameIdentity(&u, i)
	}) {
		return issued{}, fault.New(fault.Busy, e.pod.String(), "lost AzureIdentity %s/%s while a token of it was asked for", i.Namespace, i.Name)
	}
	return got, nil
}

// stillThere looks the pod up again: while it waited it may have gone, and another of its name or at its address come.
func (s *Server) stillThere(e *errand) error {
	now, found := s.Pods.Named(e.pod.Namespace, e.pod.Name)
	if !found || now.UID != e.pod.UID || now.Finished {
		return fault.New(fault.Denied, e.pod.String(), "the pod is gone")
	}
	if e.from.IsValid() {
		if at, who := claimant(s.Pods.At(e.from)); who != running && who != leaving || at.UID != now.UID {
			return fault.New(fault.Unavailable, e.pod.String(), "its address %s is no longer its own", e.from)
		}
	}
	e.pod = now
	return nil
}
