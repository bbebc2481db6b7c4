package match

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
)

// Pod is a pod that asks for identities by its label.
type Pod struct {
	Namespace, Name, UID, Node string
	Binding                    string // the value of the label aadpodidbinding
	Finished                   bool   // Succeeded or Failed: it runs nothing any more
	Deleting                   bool   // it still runs, and may still need tokens to end in order
	Created                    time.Time
}

// Wanted says that a pod is to have an identity, and why. What it points to is the caller's.
type Wanted struct {
	Pod             *Pod
	Binding         *aadpodidentity.Binding
	Identity        *aadpodidentity.Identity
	ResourceID      string // as ParseResourceID gives it; empty for a service principal
	Namespace, Name string // of the object that says so
}

// Object is the assigned identity that says so, without a state.
func (w *Wanted) Object() aadpodidentity.AssignedIdentity {
	return aadpodidentity.AssignedIdentity{
		Meta: aadpodidentity.Meta{
			Namespace: w.Namespace, Name: w.Name, Finalizers: []string{aadpodidentity.Finalizer},
			Labels: map[string]string{aadpodidentity.LabelNode: NodeLabel(w.Pod.Node)},
		},
		Identity: *w.Identity, Binding: *w.Binding, Pod: w.Pod.Name, PodNamespace: w.Pod.Namespace, Node: w.Pod.Node,
	}
}

// Problem is what keeps an object from having an effect.
type Problem struct {
	Identity *aadpodidentity.Identity // the one that cannot be used; nil when it is the binding that is wrong
	Binding  *aadpodidentity.Binding
	Err      error // a fault.Error
}

// Desired is which pod is to have which identity, sorted by pod and then by binding, each by namespace and name. Pods
// without a node or a label, and those that run nothing any more, have none. Identities of a kind or with an id that cannot
// work are left out, each told as a problem, as are bindings of pods to an identity that is not there.
func Desired(pods []*Pod, bindings []aadpodidentity.Binding, identities []aadpodidentity.Identity, forceNamespaced bool) ([]Wanted, []Problem) {
	d := desires{force: forceNamespaced, taken: make(map[place]struct{}, len(pods))}
	d.read(bindings, identities)
	order := make([]*Pod, 0, len(pods))
	for _, p := range pods {
		if p.Node != "" && p.Binding != "" && !p.Finished {
			order = append(order, p)
		}
	}
	slices.SortFunc(order, func(a, b *Pod) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	d.wanted = make([]Wanted, 0, len(order))
	for _, p := range order {
		d.pod(p)
	}
	for _, b := range d.missing {
		d.problems = append(d.problems, Problem{Binding: b, Err: fault.New(fault.NotFound, "azureidentity "+b.Namespace+"/"+b.AzureIdentity, "not found").
			Mend("create it in the namespace of the binding, or correct spec.azureIdentity of azureidentitybinding %s/%s", b.Namespace, b.Name)})
	}
	return d.wanted, d.problems
}

// place is where an object is.
type place struct{ namespace, name string }

// offer is a binding with the identity it gives.
type offer struct {
	binding  *aadpodidentity.Binding
	identity *aadpodidentity.Identity // nil: there is none of that name
	id       string
}

type desires struct {
	force    bool
	offers   map[string][]offer // by selector, in order
	taken    map[place]struct{}
	wanted   []Wanted
	problems []Problem
	missing  []*aadpodidentity.Binding // in the order they were first met
	met      map[*aadpodidentity.Binding]struct{}
}

// read makes offers of the bindings whose identity can be used.
func (d *desires) read(bindings []aadpodidentity.Binding, identities []aadpodidentity.Identity) {
	ids, known := map[place]string{}, map[place]*aadpodidentity.Identity{}
	refused := map[place]bool{}
	for i := range identities {
		identity := &identities[i]
		at := place{identity.Namespace, identity.Name}
		id, err := Usable(identity)
		if err != nil {
			refused[at] = true
			d.problems = append(d.problems, Problem{Identity: identity, Err: err})
			continue
		}
		ids[at], known[at] = id, identity
	}
	d.offers, d.met = map[string][]offer{}, map[*aadpodidentity.Binding]struct{}{}
	for i := range bindings {
		b := &bindings[i]
		if at := (place{b.Namespace, b.AzureIdentity}); b.Selector != "" && !refused[at] {
			d.offers[b.Selector] = append(d.offers[b.Selector], offer{b, known[at], ids[at]})
		}
	}
	for _, offers := range d.offers {
		slices.SortFunc(offers, func(a, b offer) int {
			return cmp.Or(strings.Compare(a.binding.Namespace, b.binding.Namespace), strings.Compare(a.binding.Name, b.binding.Name))
		})
	}
}

// pod takes what is offered to one pod. Two bindings that give it the same identity are one.
func (d *desires) pod(p *Pod) {
	first := len(d.wanted)
	for _, o := range d.offers[p.Binding] {
		if o.identity == nil {
			d.miss(o.binding)
			continue
		}
		if o.binding.Namespace != p.Namespace && (d.force || o.identity.Namespaced()) {
			continue
		}
		if slices.ContainsFunc(d.wanted[first:], func(w Wanted) bool { return w.Identity == o.identity }) {
			continue
		}
		d.wanted = append(d.wanted, Wanted{Pod: p, Binding: o.binding, Identity: o.identity, ResourceID: o.id,
			Namespace: AssignedNamespace(o.identity, d.force), Name: AssignedName(p, o.identity)})
		d.name(&d.wanted[len(d.wanted)-1])
	}
}

// name gives the plain name to the first who has a claim to it.
func (d *desires) name(w *Wanted) {
	if _, taken := d.taken[place{w.Namespace, w.Name}]; taken {
		w.Name = DistinctName(w.Pod, w.Identity)
	}
	d.taken[place{w.Namespace, w.Name}] = struct{}{}
}

func (d *desires) miss(b *aadpodidentity.Binding) {
	if _, known := d.met[b]; !known {
		d.met[b] = struct{}{}
		d.missing = append(d.missing, b)
	}
}

// Usable gives the resource id of an identity that can be assigned, as ParseResourceID does; none for a service principal.
// Without a client id a token would be asked for in nobody's name, and the machine's own come back.
func Usable(identity *aadpodidentity.Identity) (string, error) {
	subject := "azureidentity " + identity.Namespace + "/" + identity.Name
	switch identity.Type {
	case aadpodidentity.ServicePrincipal, aadpodidentity.ServicePrincipalCertificate:
		return "", nil
	case aadpodidentity.UserAssigned:
	default:
		return "", fault.New(fault.Invalid, subject, "type %d is none of 0 (user-assigned identity), 1 (service principal with a secret), 2 (with a certificate)", identity.Type).
			Mend("spec.type: 0")
	}
	id, err := ParseResourceID(identity.ResourceID)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, subject, "cannot be used")
	}
	if strings.TrimSpace(identity.ClientID) == "" {
		return "", fault.New(fault.Invalid, subject, "clientID is empty, or spelled in a way this cluster drops").
			Mend("spec.clientID: the answer to az identity show --ids %s --query clientId -o tsv", id)
	}
	return id, nil
}
