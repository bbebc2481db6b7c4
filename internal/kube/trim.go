package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"strongroom/api/secretsstore"
)

// trimmed is what matters of an object's metadata: who it is, and whether it asks for a refresh.
func trimmed(o *metav1.ObjectMeta) secretsstore.Meta {
	m := secretsstore.Meta{Name: o.Name, Namespace: o.Namespace, UID: string(o.UID), Generation: o.Generation}
	if value := o.Annotations[secretsstore.AnnotationRefresh]; value != "" {
		m.Annotations = map[string]string{secretsstore.AnnotationRefresh: value}
	}
	return m
}

// asked is true when a refresh was asked for between the two: the annotation was set or says something else.
func asked(before, after secretsstore.Meta) bool {
	value := after.Annotations[secretsstore.AnnotationRefresh]
	return value != "" && value != before.Annotations[secretsstore.AnnotationRefresh]
}

// path is the key of an object: namespace/name, or the name alone outside of namespaces.
func path(o *metav1.ObjectMeta) string {
	if o.Namespace == "" {
		return o.Name
	}
	return o.Namespace + "/" + o.Name
}

// owners are those of an object, the controller first, since it is whom most askers mean.
func owners(o *metav1.ObjectMeta) []secretsstore.Owner {
	var list []secretsstore.Owner
	for _, r := range o.OwnerReferences {
		owner := secretsstore.Owner{APIVersion: r.APIVersion, Kind: r.Kind, Name: r.Name, UID: string(r.UID)}
		if r.Controller != nil && *r.Controller {
			list = append([]secretsstore.Owner{owner}, list...)
			continue
		}
		list = append(list, owner)
	}
	return list
}
