package kube

import (
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"strongroom/api/aadpodidentity"
)

// decoded is an object of pod identity as it comes from the API server. The codec reads it right out of the answer, and
// what nobody reads is dropped before the next one is looked at: a cluster may have tens of thousands.
type decoded[T any] struct {
	metav1.TypeMeta
	metav1.ObjectMeta // as far as a watch needs it
	item              T
	wrong             error // what of it cannot be read
}

// decodedList is a list of them.
type decodedList[T any] struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []decoded[T] `json:"items"`
}

// UnmarshalJSON reads the object. One whose spec cannot be read is no reason to lose all others: it stands with nothing
// but its name, and so means nothing to anybody.
func (d *decoded[T]) UnmarshalJSON(raw []byte) error {
	var m aadpodidentity.Meta
	switch item := any(&d.item).(type) {
	case *aadpodidentity.Identity:
		*item, d.wrong = aadpodidentity.DecodeIdentity(raw)
		m = slimIdentity(item)
	case *aadpodidentity.Binding:
		*item, d.wrong = aadpodidentity.DecodeBinding(raw)
		m = slimBinding(item)
	case *aadpodidentity.Exception:
		*item, d.wrong = aadpodidentity.DecodeException(raw)
		m = slim(&item.Meta)
	case *aadpodidentity.AssignedIdentity:
		*item, d.wrong = aadpodidentity.DecodeAssignedIdentity(raw)
		m = slimAssigned(item)
	}
	d.ObjectMeta = metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: types.UID(m.UID), ResourceVersion: m.ResourceVersion}
	return nil
}

// DeepCopyObject is shallow: what a watch hands out is never changed.
func (d *decoded[T]) DeepCopyObject() runtime.Object {
	c := *d
	return &c
}

// DeepCopyObject copies the list and, as above, not what is in it.
func (l *decodedList[T]) DeepCopyObject() runtime.Object {
	c := *l
	c.Items = append([]decoded[T](nil), l.Items...)
	return &c
}

func addPodIdentity(s *runtime.Scheme) {
	group := schema.GroupVersion{Group: aadpodidentity.Group, Version: aadpodidentity.Version}
	add := func(kind string, object, list runtime.Object) {
		s.AddKnownTypeWithName(group.WithKind(kind), object)
		s.AddKnownTypeWithName(group.WithKind(kind+"List"), list)
	}
	add(aadpodidentity.KindIdentity, &decoded[aadpodidentity.Identity]{}, &decodedList[aadpodidentity.Identity]{})
	add(aadpodidentity.KindBinding, &decoded[aadpodidentity.Binding]{}, &decodedList[aadpodidentity.Binding]{})
	add(aadpodidentity.KindException, &decoded[aadpodidentity.Exception]{}, &decodedList[aadpodidentity.Exception]{})
	add(aadpodidentity.KindAssignedIdentity, &decoded[aadpodidentity.AssignedIdentity]{}, &decodedList[aadpodidentity.AssignedIdentity]{})
	metav1.AddToGroupVersion(s, group)
}

// namespaced are the annotations of an identity that is kept to its namespace, all that matters of them.
var namespaced = map[string]string{aadpodidentity.AnnotationBehavior: aadpodidentity.BehaviorNamespaced}

// finalized are the finalizers of an assigned identity as nearly all have them.
var finalized = []string{aadpodidentity.Finalizer}

// slim leaves of the metadata who the object is and whether it is kept to its namespace.
func slim(m *aadpodidentity.Meta) aadpodidentity.Meta {
	behavior := m.Annotations[aadpodidentity.AnnotationBehavior]
	m.Namespace, m.Labels, m.Annotations, m.Finalizers = shared(m.Namespace), nil, nil, nil
	if behavior == aadpodidentity.BehaviorNamespaced {
		m.Annotations = namespaced
	}
	return *m
}

func slimIdentity(i *aadpodidentity.Identity) aadpodidentity.Meta {
	i.ResourceID, i.ClientID, i.TenantID = shared(i.ResourceID), shared(i.ClientID), shared(i.TenantID)
	return slim(&i.Meta)
}

func slimBinding(b *aadpodidentity.Binding) aadpodidentity.Meta {
	b.AzureIdentity, b.Selector = shared(b.AzureIdentity), shared(b.Selector)
	return slim(&b.Meta)
}

// slimAssigned keeps labels and annotations, since a replacement has to bring them again.
func slimAssigned(a *aadpodidentity.AssignedIdentity) aadpodidentity.Meta {
	for _, m := range []*aadpodidentity.Meta{&a.Identity.Meta, &a.Binding.Meta} {
		m.Name, m.UID, m.ResourceVersion = shared(m.Name), shared(m.UID), shared(m.ResourceVersion)
	}
	slimIdentity(&a.Identity)
	slimBinding(&a.Binding)
	a.Namespace, a.PodNamespace, a.Node, a.State = shared(a.Namespace), shared(a.PodNamespace), shared(a.Node), shared(a.State)
	if len(a.Finalizers) == 1 && a.Finalizers[0] == aadpodidentity.Finalizer {
		a.Finalizers = finalized
	}
	return a.Meta
}

// shared is the same string in the memory of those that said it before: thousands of objects name a few identities.
func shared[S ~string](s S) S { return S(unique.Make(string(s)).Value()) }
