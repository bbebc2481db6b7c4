package kube

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

// directTimeout bounds the direct read of a class: a mount waits for it.
const directTimeout = 3 * time.Second

// ClassChange is what happened to one class.
type ClassChange struct {
	Namespace, Name string
	Class           *secretsstore.Class // nil when it was deleted
	// Spec is true when what the class asks for is new to this process or differs, or the class is gone.
	Spec bool
	// Refresh is true when its AnnotationRefresh was set or changed.
	Refresh bool
}

// Classes are the SecretProviderClasses of the whole cluster. What it hands out is shared and must not be changed.
type Classes struct {
	client *Client
	watch  *watch[secretsstore.Class]
	tell   []func(ClassChange)
	status bool // keep what the cluster found out about each class

	mu sync.Mutex
	// read holds classes found by a direct read that the watch has not shown yet, so that its showing them is no change.
	read map[string]secretsstore.Class
}

// Classes watches nothing until it is run. Each call makes a watch of its own.
func (c *Client) Classes() *Classes {
	s := &Classes{client: c, read: map[string]secretsstore.Class{}}
	s.watch = newWatch(c, source{
		kind: classes, object: &classObject{}, list: func() runtime.Object { return &classList{} },
	}, func(o runtime.Object) string { return path(&o.(*classObject).ObjectMeta) }, s.trim, s.changed)
	return s
}

// WithStatus also keeps each class's status, which otherwise is dropped: on every node it would be memory that nobody
// reads. It belongs before Run.
func (s *Classes) WithStatus() *Classes {
	s.status = true
	return s
}

// Run watches until ctx ends, and then returns nil. A cluster without the definition is one where it comes later.
func (s *Classes) Run(ctx context.Context) error {
	s.watch.run(ctx)
	return nil
}

// Synced is true once all classes have been seen, and stays so.
func (s *Classes) Synced() bool { return s.watch.hasSynced() }

// OnChange registers who is told of changes: one at a time, in order, every class of the first list among them. It
// belongs before Run, and what it registers must not block.
func (s *Classes) OnChange(tell func(ClassChange)) { s.tell = append(s.tell, tell) }

// List is every class that is watched, sorted by namespace and name.
func (s *Classes) List() []secretsstore.Class {
	list := s.watch.all()
	slices.SortFunc(list, func(a, b secretsstore.Class) int {
		return cmp.Or(cmp.Compare(a.Metadata.Namespace, b.Metadata.Namespace), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	})
	return list
}

// Class finds a class: the watched copy, or by a direct read when there is none or the watch is interrupted. While the
// server does not answer, the copy last watched stands. A class that does not exist is a NotFound fault in the API
// server's own words.
func (s *Classes) Class(ctx context.Context, namespace, name string) (secretsstore.Class, error) {
	copied, found := s.watch.get(namespace + "/" + name)
	if found && s.watch.live() {
		return copied, nil
	}
	ctx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	var object classObject
	err := s.client.read(ctx, call{verb: http.MethodGet, path: classes.at(namespace, name)}, &object)
	switch {
	case err == nil:
		class := s.trim(&object, nil)
		s.remember(class)
		return class, nil
	case found && fault.KindOf(err) != fault.NotFound:
		return copied, nil
	}
	return secretsstore.Class{}, err
}

func (s *Classes) remember(class secretsstore.Class) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read[key(class)] = class
}

// recall gives what a direct read found, once.
func (s *Classes) recall(key string) (secretsstore.Class, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	class, found := s.read[key]
	delete(s.read, key)
	return class, found
}

// trim keeps what a class says and drops who wrote which field of it, with the annotations of others.
func (s *Classes) trim(object runtime.Object, _ *secretsstore.Class) secretsstore.Class {
	o := object.(*classObject)
	class := secretsstore.Class{
		APIVersion: secretsstore.V1,
		Kind:       secretsstore.KindClass,
		Metadata:   trimmed(&o.ObjectMeta),
		Spec:       o.Spec,
	}
	if s.status {
		class.Status = o.Status
	}
	return class
}

func (s *Classes) changed(before, after *secretsstore.Class) {
	change := ClassChange{Class: after, Spec: true}
	if after == nil {
		s.recall(key(*before))
		change.Namespace, change.Name = before.Metadata.Namespace, before.Metadata.Name
	} else {
		change.Namespace, change.Name = after.Metadata.Namespace, after.Metadata.Name
		if read, found := s.recall(key(*after)); found && before == nil {
			before = &read
		}
		if before != nil {
			change.Spec = before.Metadata.UID != after.Metadata.UID || !reflect.DeepEqual(before.Spec, after.Spec)
			change.Refresh = asked(before.Metadata, after.Metadata)
		}
	}
	for _, tell := range s.tell {
		tell(change)
	}
}

func key(class secretsstore.Class) string {
	return class.Metadata.Namespace + "/" + class.Metadata.Name
}
