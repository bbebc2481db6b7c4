package mic

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/api/secretsstore"
	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/podid/match"
)

// Pods is every pod that has the label, as they are watched. What List gives is not changed by anybody.
type Pods interface {
	Synced() bool
	List() []*match.Pod
}

// Identities is what people have written down.
type Identities interface {
	Synced() bool
	Identities() []aadpodidentity.Identity
	Bindings() []aadpodidentity.Binding
}

// Machine is a node and where it says it runs.
type Machine struct{ Node, ProviderID string }

// Machines is every node.
type Machines interface {
	Synced() bool
	List() []Machine
}

// Assigned is every assigned identity, as they are watched. What List gives is not changed by anybody.
type Assigned interface {
	Synced() bool
	List() []*aadpodidentity.AssignedIdentity
}

// AssignedWriter changes them. Busy is a lost race, NotFound an object that has gone.
type AssignedWriter interface {
	Create(context.Context, aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error)
	Replace(context.Context, aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error)
	SetState(context.Context, aadpodidentity.AssignedIdentity, aadpodidentity.State) error
	// Delete also takes the finalizer off. One that is gone already is a success.
	Delete(context.Context, aadpodidentity.AssignedIdentity) error
}

// Azure is the machines' side, one request a call. An *arm.BadIdentities in an error's chain names identities that were
// refused.
type Azure interface {
	Identities(context.Context, arm.Resource) (arm.Held, error)
	Update(context.Context, arm.Resource, arm.Held, arm.Change) (arm.Operation, error)
	Poll(context.Context, arm.Operation) (arm.Operation, error)
}

// Store keeps the ledger. Save is Busy when somebody else has written since the last Load or Save.
type Store interface {
	Load(context.Context) (map[string]string, error)
	Save(context.Context, map[string]string) error
}

// Statuses tells people what is awaited, in the status of their objects.
type Statuses interface {
	WriteIdentityStatus(ctx context.Context, namespace, name string, conditions []secretsstore.Condition) error
	WritePodCondition(ctx context.Context, namespace, name, uid string, c secretsstore.Condition) error
}

// About is what an event is about.
type About struct{ APIVersion, Kind, Namespace, Name, UID string }

// Events tells once, and does not wait.
type Events interface {
	Event(about About, warning bool, reason, message string)
}

// Config is what a MIC needs. All interfaces are required.
type Config struct {
	Pods       Pods
	Identities Identities
	Machines   Machines
	Assigned   Assigned
	Writer     AssignedWriter
	Azure      Azure
	Store      Store
	Statuses   Statuses
	Events     Events
	// Passed is told how long a pass over everything took; nil is nobody.
	Passed func(time.Duration)
	Clock  clock.Clock  // nil: the machine's
	Log    *slog.Logger // nil: none

	// ForceNamespaced keeps every identity to pods of its namespace, whatever it says itself.
	ForceNamespaced bool
	// Immutable are client ids, in any case, of identities that are never taken off a machine.
	Immutable []string
	// ClusterIdentity is the client id of the cluster's own user-assigned identity; never taken off either. Empty: none.
	ClusterIdentity string
	// Eager puts the identity of every binding on every machine that has a node, before any pod asks for it.
	Eager bool
	// AdoptAttached takes what the archived MIC has put on machines for ours, so that it is taken off again when no pod
	// needs it: identities that its objects say are Assigned when there is no ledger yet. Identities of that kind that
	// somebody else had put there as well cannot be told from them.
	AdoptAttached bool
	// DetachDelay is how long an identity stays on a machine after its last pod; 0 is DefaultDetachDelay, negative is not
	// at all.
	DetachDelay time.Duration
	// Reconcile is how often a machine in use is looked at again; 0 is DefaultReconcile.
	Reconcile time.Duration
	// Writes is how many objects are written at a time, and Calls how many machines are spoken about with Azure; 0 is 20.
	Writes, Calls int
}

// What is done where nobody said.
const (
	DefaultDetachDelay = 10 * time.Minute
	DefaultReconcile   = 20 * time.Minute
	defaultAtOnce      = 20
)

// The pace of passes and updates.
const (
	debounce  = 50 * time.Millisecond  // from the first change to the pass that sees it, with those that came meanwhile
	gather    = 250 * time.Millisecond // an update waits so long for further wishes, from the last one
	gatherMax = time.Second            // and so long at most, from the first
	syncCheck = 100 * time.Millisecond // how often it is looked whether everything was seen
)

// MIC is the leader's work. Make one with New, for one Run.
type MIC struct {
	Config
	policy policy
	dirty  chan struct{} // holds one when something has changed
	calls  chan struct{} // as many as Calls
	writes *jobs[objectKey, op]
	tells  *jobs[tellKey, telling]
	spawn  func(func())
	fatal  func(error)
	nodes  map[string]location // as the last pass had them; the passes' goroutine's alone

	mu        sync.Mutex
	resources map[string]*resource // by key
	overlay   overlay
	ledger    ledger
	told      told
}

// New starts nothing.
func New(c Config) *MIC {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Writes, c.Calls = cmp.Or(c.Writes, defaultAtOnce), cmp.Or(c.Calls, defaultAtOnce)
	c.Reconcile, c.DetachDelay = cmp.Or(c.Reconcile, DefaultReconcile), max(0, cmp.Or(c.DetachDelay, DefaultDetachDelay))
	m := &MIC{
		Config: c, policy: policy{delay: c.DetachDelay, reconcile: c.Reconcile, kept: map[string]bool{}},
		dirty: make(chan struct{}, 1), calls: make(chan struct{}, c.Calls),
		resources: map[string]*resource{}, overlay: overlay{}, ledger: ledger{store: c.Store}, told: newTold(),
	}
	for _, id := range append([]string{c.ClusterIdentity}, c.Immutable...) {
		if id = fold(id); id != "" {
			m.policy.kept[id] = true
		}
	}
	return m
}

// Changed says that something may be different: a pod, a node, a binding, an identity, an object. It may be called before
// Run, as often as anybody likes, and does not wait.
func (m *MIC) Changed() { raise(m.dirty) }

func raise(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

// fold makes ids comparable.
func fold(id string) string { return strings.ToLower(strings.TrimSpace(id)) }
