// Package secretsync keeps the Kubernetes Secrets that classes ask for (secretObjects) equal to what pods have mounted.
//
// It works when a volume is mounted, before the kubelet is answered, so that a container's environment may come from the
// Secret at the pod's very first start. What fails then is told to the pod and tried again from Run.
//
// Many nodes write one Secret. So every write goes to what was read just before and to nothing else; newer content, by
// when it was asked of the store by the clocks of the nodes, is not replaced by older; and owner references are only ever
// added, in the same write as the content. A Secret whose owners are all gone is removed by Kubernetes, and one that is gone is told of by a watch:
// nothing here deletes. That a type cannot be changed in place is told, not mended by deleting: it would take a right to
// delete every Secret of the cluster, for a case in which somebody should look anyway.
//
// Without change nothing is asked of the API: what was last seen to be in order is remembered, as a keyed hash and a
// resourceVersion, until the content here or the version there is another. Values are read from the volume when they are
// to be written, and not kept.
package secretsync

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

// Secret is a Kubernetes Secret as far as it matters here.
type Secret struct {
	Namespace, Name, Type string
	UID                   string
	ResourceVersion       string // empty, as is UID, of one that is not there
	Immutable             bool   // its data can never be changed
	Labels, Annotations   map[string]string
	Owners                []secretsstore.Owner
	Data                  map[string]secret.Value
}

// Secrets reads and writes Secrets.
type Secrets interface {
	// Get gives a NotFound fault where there is none.
	Get(ctx context.Context, namespace, name string) (Secret, error)
	// Apply states everything this driver wants of a Secret: what it stated before and does not any more goes, what others
	// stated stays. UID and ResourceVersion are preconditions: with them it must be that Secret in that state, without them there
	// must be none. One that does not hold is a Busy fault. A missing permission is a Denied fault. The answer is the Secret as it then is.
	Apply(ctx context.Context, s Secret) (Secret, error)
}

// Classes finds a SecretProviderClass. A missing one is a NotFound fault.
type Classes interface {
	Class(ctx context.Context, namespace, name string) (secretsstore.Class, error)
}

// Pods knows by whom a pod lives.
type Pods interface {
	// Owners lists the pod's owners, none for a bare pod. finished is true for a pod that is being deleted or has ended:
	// nothing is done for it any more. A pod that is not known is a NotFound fault.
	Owners(ctx context.Context, pod secret.Pod) (owners []secretsstore.Owner, finished bool, err error)
}

// Events tells a pod's people something. It must not block.
type Events interface {
	Event(pod secret.Pod, warning bool, reason, message string)
}

// Meter counts. It must not block.
type Meter interface {
	// SecretSynced is told of every Secret that was written, and how long that took.
	SecretSynced(provider string, took time.Duration)
}

// Config is what a Syncer needs. All but Meter and Patience are required.
type Config struct {
	Secrets Secrets
	Classes Classes
	Pods    Pods
	Events  Events
	Log     *slog.Logger
	Clock   clock.Clock
	Meter   Meter // nil: nobody counts

	// Patience is the longest that a mount waits for its Secrets; what is not done by then is done later. Zero is 10 s.
	Patience time.Duration
}

// Syncer keeps Secrets in order. It is safe for concurrent use.
type Syncer struct {
	Config
	digest digester
	wake   chan struct{} // something may be due

	mu      sync.Mutex
	volumes map[string]*volume // by target
	secrets map[id]*kept
}

// New makes a Syncer that knows of no volume. Secrets made by an earlier process, here or on another node, are found when
// their volumes are mounted or republished.
func New(c Config) *Syncer {
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	return &Syncer{
		Config: c, digest: newDigester(), wake: make(chan struct{}, 1),
		volumes: map[string]*volume{}, secrets: map[id]*kept{},
	}
}
