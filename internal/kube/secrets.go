package kube

import (
	"context"
	"maps"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Secret is a Kubernetes Secret.
type Secret struct {
	Namespace, Name string
	Type            string // such as kubernetes.io/tls; empty is Opaque
	// UID and ResourceVersion say which Secret, and which state of it, this is; see Apply.
	UID, ResourceVersion string
	// Immutable is read, never written: the API server lets nobody change such a Secret's data.
	Immutable           bool
	Labels, Annotations map[string]string
	Owners              []secretsstore.Owner
	Data                map[string]secret.Value
}

// Secrets are the cluster's, as far as the process may read and write them.
type Secrets struct {
	client *Client
	watch  *watch[version]
	tell   []func(namespace, name, resourceVersion string, deleted bool)
}

// version is what is watched of a Secret.
type version struct{ namespace, name, resourceVersion string }

// Secrets watches nothing until it is run.
func (c *Client) Secrets() *Secrets {
	s := &Secrets{client: c}
	s.watch = newWatch(c, source{
		kind: secrets, labels: secretsstore.LabelManaged + "=true", metadata: true,
		object: &metav1.PartialObjectMetadata{}, list: func() runtime.Object { return &metav1.PartialObjectMetadataList{} },
	}, func(o runtime.Object) string { return path(&o.(*metav1.PartialObjectMetadata).ObjectMeta) }, s.trim, s.changed)
	return s
}

// Run watches the metadata of the Secrets labelled as the driver's own until ctx ends, and then returns nil. No value
// is sent for it.
func (s *Secrets) Run(ctx context.Context) error {
	s.watch.run(ctx)
	return nil
}

// Synced is true once all managed Secrets have been seen, and stays so.
func (s *Secrets) Synced() bool { return s.watch.hasSynced() }

// OnChange registers who is told of every managed Secret that is new, changed or gone, our own writes among them. It
// belongs before Run, and what it registers must not block.
func (s *Secrets) OnChange(tell func(namespace, name, resourceVersion string, deleted bool)) {
	s.tell = append(s.tell, tell)
}

// Get reads a Secret with its values. One that does not exist is a NotFound fault.
func (s *Secrets) Get(ctx context.Context, namespace, name string) (Secret, error) {
	var object corev1.Secret
	if err := s.client.read(ctx, call{verb: http.MethodGet, path: secrets.at(namespace, name)}, &object); err != nil {
		return Secret{}, err
	}
	found := Secret{
		Namespace: object.Namespace, Name: object.Name, Type: string(object.Type),
		UID: string(object.UID), ResourceVersion: object.ResourceVersion,
		Immutable: object.Immutable != nil && *object.Immutable,
		Labels:    object.Labels, Annotations: object.Annotations, Owners: owners(&object.ObjectMeta),
		Data: make(map[string]secret.Value, len(object.Data)),
	}
	for key, value := range object.Data {
		found.Data[key] = secret.NewValue(value)
	}
	return found, nil
}

// Apply makes the Secret say this in one write, owners included: what an earlier Apply of ours set and this one does
// not name is taken out, what others added is left. It gives the Secret back with its UID and ResourceVersion.
//
// With a UID and a ResourceVersion, which belong together, the Secret must be that one in that very state, and its fields
// are taken from whoever set them; it is a Busy fault when it was changed or deleted meanwhile. Without them there must be
// none: should somebody have made it in the meantime, that is a Busy fault too, and nothing is changed. A Denied fault
// names the missing permission. No error quotes a value.
func (s *Secrets) Apply(ctx context.Context, wanted Secret) (Secret, error) {
	if (wanted.UID == "") != (wanted.ResourceVersion == "") {
		// The server would make a Secret anew of which only the version is named, though it was to be in a certain state.
		return Secret{}, fault.New(fault.Internal, "secrets "+wanted.Namespace+"/"+wanted.Name, "is named by half of its state")
	}
	object := secretObject{
		APIVersion: "v1",
		Kind:       "Secret",
		Metadata: metadata{
			Name: wanted.Name, Namespace: wanted.Namespace, UID: wanted.UID, ResourceVersion: wanted.ResourceVersion,
			Labels: wanted.Labels, Annotations: wanted.Annotations, Owners: wanted.Owners,
		},
		Type: wanted.Type,
		Data: make(map[string][]byte, len(wanted.Data)),
	}
	for key, value := range wanted.Data {
		object.Data[key] = value.Reveal()
	}
	if wanted.ResourceVersion == "" {
		object.Metadata.ResourceVersion = noVersion
	}
	r := apply(secrets.at(wanted.Namespace, wanted.Name), object, true)
	r.accept = jsonOnly + asMetadata // the values need not come back
	var answer struct {
		Metadata metadata `json:"metadata"`
	}
	if err := s.client.answered(ctx, r, &answer); err != nil {
		return Secret{}, err
	}
	applied := wanted
	applied.UID, applied.ResourceVersion = answer.Metadata.UID, answer.Metadata.ResourceVersion
	applied.Data = maps.Clone(wanted.Data)
	return applied, nil
}

// noVersion is a resourceVersion that no object ever has, since the store's first version is of no object. An apply that
// names it creates what is not there and is a conflict where something is. Without a version it would merge into whatever
// somebody has made meanwhile, and take the owners out that another node of ours has put in.
const noVersion = "1"

// secretObject is a Secret as it is applied. It is made right before it leaves and kept by nobody.
type secretObject struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Type       string            `json:"type,omitempty"`
	Data       map[string][]byte `json:"data,omitempty"`
}

func (s *Secrets) trim(object runtime.Object, _ *version) version {
	o := object.(*metav1.PartialObjectMetadata)
	return version{o.Namespace, o.Name, o.ResourceVersion}
}

func (s *Secrets) changed(before, after *version) {
	if before != nil && after != nil && *before == *after {
		return // a list after a lost watch shows it as it was
	}
	now, deleted := after, after == nil
	if deleted {
		now = before
	}
	for _, tell := range s.tell {
		tell(now.namespace, now.name, now.resourceVersion, deleted)
	}
}
