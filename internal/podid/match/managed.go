package match

import "strongroom/api/aadpodidentity"

// Managed is what the bindings give a pod where nobody assigns identities to it.
type Managed struct {
	// Identities are those the pod may use, by namespace and name, each once.
	Identities []aadpodidentity.Identity
	// Kept are identities that are bound to the pod and keep to another namespace.
	Kept []aadpodidentity.Identity
	// Bindings are those with the pod's selector.
	Bindings []aadpodidentity.Binding
	// Without are those of them whose identity does not exist in their namespace.
	Without []aadpodidentity.Binding
}

// Manage reads what a pod of a namespace with a value of the binding label may use. Selector and label are compared
// exactly, a binding names an identity of its own namespace, and an empty label or selector matches nothing. With force,
// only bindings of the pod's own namespace count.
func Manage(namespace, label string, force bool, bindings []aadpodidentity.Binding, identities []aadpodidentity.Identity) Managed {
	var m Managed
	if label == "" {
		return m
	}
	var bound []aadpodidentity.Identity
	for _, b := range bindings {
		if b.Selector != label || force && b.Namespace != namespace {
			continue
		}
		m.Bindings = append(m.Bindings, b)
		if i, exists := named(identities, b.Namespace, b.AzureIdentity); !exists {
			m.Without = append(m.Without, b)
		} else if _, already := named(bound, i.Namespace, i.Name); !already {
			bound = append(bound, i)
		}
	}
	m.Identities, m.Kept = Allowed(namespace, force, Sorted(bound))
	return m
}

func named(list []aadpodidentity.Identity, namespace, name string) (aadpodidentity.Identity, bool) {
	for _, i := range list {
		if i.Namespace == namespace && i.Name == name {
			return i, true
		}
	}
	return aadpodidentity.Identity{}, false
}
