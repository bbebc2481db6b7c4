package nmi

import (
	"strings"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
)

// view is what stands for a pod at one moment.
type view struct {
	usable []aadpodidentity.Identity // a token can be asked for
	coming []aadpodidentity.Identity // the pod's, and not assigned yet
	kept   []aadpodidentity.Identity // would be the pod's, but keep to another namespace
	// missing says why nothing stands or comes, as far as can be told; nil otherwise.
	missing *refusal
}

func (s *Server) look(pod Pod) view {
	var bound match.Managed
	if s.Bindings != nil {
		bound = match.Manage(pod.Namespace, label(pod), s.ForceNamespaced, s.Bindings.Bindings(), s.Bindings.Identities())
	}
	v := view{usable: bound.Identities}
	if s.Assigned != nil {
		v = s.assigned(pod)
		v.coming = append(v.coming, without(bound.Identities, v.usable, v.coming)...)
	}
	v.kept = append(v.kept, without(bound.Kept, v.kept)...)
	if len(v.usable)+len(v.coming) == 0 {
		v.missing = s.missing(pod, v, bound)
	}
	return v
}

// assigned reads the pod's assignments. One that was made for another label value than the pod has now, or for another
// node, is not for this pod; one that is being deleted is over, and so is one whose binding is. The empty state is that of
// programs before 1.5.
func (s *Server) assigned(pod Pod) view {
	var usable, coming []aadpodidentity.Identity
	list := s.Assigned.Of(pod.Namespace, pod.Name)
	for n := range list {
		a := &list[n]
		if !s.meant(&pod, a) {
			continue
		}
		switch a.State {
		case aadpodidentity.Assigned, "":
			usable = append(usable, a.Identity)
		case aadpodidentity.Created:
			coming = append(coming, a.Identity)
		}
	}
	var v view
	var kept []aadpodidentity.Identity
	v.usable, v.kept = match.Allowed(pod.Namespace, s.ForceNamespaced, usable)
	v.coming, kept = match.Allowed(pod.Namespace, s.ForceNamespaced, coming)
	v.kept = append(v.kept, kept...)
	return v
}

func (s *Server) meant(pod *Pod, a *aadpodidentity.AssignedIdentity) bool {
	elsewhere := a.Node != "" && s.Node != "" && a.Node != s.Node
	outdated := a.Binding.Selector != "" && a.Binding.Selector != label(*pod)
	return !a.Deleting && !elsewhere && !outdated && placed(a) && s.backed(pod, a)
}

// missing is why nothing can come for a pod. Nil means that nothing is known to be missing.
func (s *Server) missing(pod Pod, v view, bound match.Managed) *refusal {
	namespaces := "any namespace"
	if s.ForceNamespaced {
		namespaces = "namespace " + pod.Namespace
	}
	switch {
	case len(v.kept) > 0:
		return refuse(403, fault.New(fault.Denied, pod.String(), "AzureIdentity %s keeps to pods of its own namespace", listed(v.kept)).
			Mend("make AzureIdentity and AzureIdentityBinding in namespace %s, or, where not every identity is kept so, take the annotation %s off",
				pod.Namespace, aadpodidentity.AnnotationBehavior))
	case s.Bindings == nil:
		return nil // only MIC knows
	case len(bound.Bindings) == 0:
		return refuse(404, fault.New(fault.NotFound, pod.String(), "no AzureIdentityBinding of %s has the selector %q, which is the pod's label %s",
			namespaces, label(pod), aadpodidentity.LabelBinding).
			Mend("kubectl get azureidentitybindings --all-namespaces"))
	case len(bound.Without) > 0:
		b := bound.Without[0]
		return refuse(404, fault.New(fault.NotFound, pod.String(), "AzureIdentityBinding %s/%s names AzureIdentity %q, which does not exist in its namespace",
			b.Namespace, b.Name, b.AzureIdentity).
			Mend("kubectl get azureidentities --namespace %s", b.Namespace))
	}
	return nil
}

func label(pod Pod) string { return pod.Labels[aadpodidentity.LabelBinding] }

// without is list less everything that is in one of others.
func without(list []aadpodidentity.Identity, others ...[]aadpodidentity.Identity) []aadpodidentity.Identity {
	var rest []aadpodidentity.Identity
	for _, i := range list {
		found := false
		for _, other := range others {
			for _, o := range other {
				found = found || o.Namespace == i.Namespace && o.Name == i.Name
			}
		}
		if !found {
			rest = append(rest, i)
		}
	}
	return rest
}

// listed names identities for a message: by name and client id, a few of many.
func listed(list []aadpodidentity.Identity) string {
	const most = 10
	var names []string
	for n, i := range match.Sorted(list) {
		if n == most {
			names = append(names, "...")
			break
		}
		name := i.Namespace + "/" + i.Name
		if i.ClientID != "" {
			name += " (client_id " + fault.Shorten(i.ClientID) + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
