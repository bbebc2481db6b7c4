package kube

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"strongroom/api/secretsstore"
)

// codecs decode the few kinds that are watched or read whole. Everything else is read and written as JSON in shapes of
// our own.
var codecs = serializer.NewCodecFactory(scheme())

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	core := schema.GroupVersion{Version: "v1"}
	s.AddKnownTypes(core, &corev1.Node{}, &corev1.NodeList{}, &corev1.Pod{}, &corev1.PodList{}, &corev1.Secret{})
	metav1.AddToGroupVersion(s, core)
	storage := storagev1.SchemeGroupVersion
	s.AddKnownTypes(storage, &storagev1.CSINode{}, &storagev1.CSINodeList{})
	metav1.AddToGroupVersion(s, storage)
	classes := schema.GroupVersion{Group: secretsstore.Group, Version: "v1"}
	s.AddKnownTypeWithName(classes.WithKind(secretsstore.KindClass), &classObject{})
	s.AddKnownTypeWithName(classes.WithKind(secretsstore.KindClass+"List"), &classList{})
	metav1.AddToGroupVersion(s, classes)
	addPodIdentity(s)
	if err := metav1.AddMetaToScheme(s); err != nil {
		panic(err) // the same types on every start: a defect that no run survives
	}
	return s
}

// classObject is a class as the API server sends it.
type classObject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              secretsstore.Spec        `json:"spec"`
	Status            secretsstore.ClassStatus `json:"status"`
}

// classList is a list of them.
type classList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []classObject `json:"items"`
}

// DeepCopyObject is shallow below the metadata: what a watch hands out is never changed.
func (o *classObject) DeepCopyObject() runtime.Object {
	c := *o
	c.ObjectMeta = *o.ObjectMeta.DeepCopy()
	return &c
}

// DeepCopyObject copies the list and, as above, not the specs in it.
func (l *classList) DeepCopyObject() runtime.Object {
	c := *l
	c.Items = append([]classObject(nil), l.Items...)
	return &c
}
