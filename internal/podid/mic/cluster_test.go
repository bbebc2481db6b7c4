package mic_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/podid/match"
	"strongroom/internal/podid/mic"
)

type objectKey struct{ namespace, name string }

// cluster keeps objects as an API server does, and shows them to whoever watches, later by lag.
type cluster struct {
	mu         sync.Mutex
	tell       func()
	version    int
	pods       map[objectKey]match.Pod
	identities map[objectKey]aadpodidentity.Identity
	bindings   map[objectKey]aadpodidentity.Binding
	machines   map[string]string
	assigned   map[objectKey]aadpodidentity.AssignedIdentity

	data    map[string]string // the ledger
	written int               // its version

	latency    time.Duration // of a write
	writes     []string
	refuse     func(verb, name string) error
	events     []string
	conditions map[string]string // "AzureIdentity team/a Attached" -> "True Attached message"
	atWork     int
	most       int
}

func newCluster() *cluster {
	return &cluster{tell: func() {}, pods: map[objectKey]match.Pod{}, identities: map[objectKey]aadpodidentity.Identity{}, bindings: map[objectKey]aadpodidentity.Binding{},
		machines: map[string]string{}, assigned: map[objectKey]aadpodidentity.AssignedIdentity{}, conditions: map[string]string{}}
}

func (c *cluster) watch(tell func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell = tell
}

// change edits under the lock, and shows it.
func (c *cluster) change(edit func()) {
	c.mu.Lock()
	edit()
	tell := c.tell
	c.mu.Unlock()
	tell()
}

func (c *cluster) next() string {
	c.version++
	return fmt.Sprint(c.version)
}

func (c *cluster) putPod(namespace, name, label, node string) {
	c.change(func() {
		c.pods[objectKey{namespace, name}] = match.Pod{Namespace: namespace, Name: name, UID: "pod-" + c.next(), Node: node, Binding: label, Created: time.Now()}
	})
}

func (c *cluster) dropPod(namespace, name string) {
	c.change(func() { delete(c.pods, objectKey{namespace, name}) })
}

func (c *cluster) editPod(namespace, name string, edit func(*match.Pod)) {
	c.change(func() {
		p := c.pods[objectKey{namespace, name}]
		edit(&p)
		c.pods[objectKey{namespace, name}] = p
	})
}

func (c *cluster) putIdentity(i aadpodidentity.Identity) {
	c.change(func() {
		key := objectKey{i.Namespace, i.Name}
		i.UID, i.ResourceVersion = c.identities[key].UID, c.next()
		if i.UID == "" {
			i.UID = "identity-" + i.ResourceVersion
		}
		c.identities[key] = i
	})
}

func (c *cluster) editIdentity(namespace, name string, edit func(*aadpodidentity.Identity)) {
	c.mu.Lock()
	i := c.identities[objectKey{namespace, name}]
	i.Labels, i.Annotations = maps.Clone(i.Labels), maps.Clone(i.Annotations)
	c.mu.Unlock()
	edit(&i)
	c.putIdentity(i)
}

func (c *cluster) dropIdentity(namespace, name string) {
	c.change(func() { delete(c.identities, objectKey{namespace, name}) })
}

func (c *cluster) putBinding(namespace, name, identity, selector string) {
	c.change(func() {
		version := c.next()
		c.bindings[objectKey{namespace, name}] = aadpodidentity.Binding{AzureIdentity: identity, Selector: selector,
			Meta: aadpodidentity.Meta{Namespace: namespace, Name: name, UID: "binding-" + version, ResourceVersion: version}}
	})
}

func (c *cluster) dropBinding(namespace, name string) {
	c.change(func() { delete(c.bindings, objectKey{namespace, name}) })
}

func (c *cluster) node(name, provider string) { c.change(func() { c.machines[name] = provider }) }
func (c *cluster) dropNode(name string)       { c.change(func() { delete(c.machines, name) }) }

// putAssigned puts an object there as somebody else wrote it.
func (c *cluster) putAssigned(a aadpodidentity.AssignedIdentity) {
	c.change(func() {
		a.ResourceVersion = c.next()
		a.UID = "assigned-" + a.ResourceVersion
		c.assigned[objectKey{a.Namespace, a.Name}] = a
	})
}

func (c *cluster) objects() []aadpodidentity.AssignedIdentity {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]aadpodidentity.AssignedIdentity, 0, len(c.assigned))
	for _, a := range c.assigned {
		list = append(list, a)
	}
	return list
}

// The watches.
type (
	pods       struct{ *cluster }
	identities struct{ *cluster }
	machines   struct{ *cluster }
	assigned   struct{ *cluster }
)

func (c *cluster) Synced() bool { return true }

func (p pods) List() (list []*match.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.pods {
		list = append(list, &one)
	}
	return list
}

func (i identities) Identities() []aadpodidentity.Identity {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Collect(maps.Values(i.identities))
}

func (i identities) Bindings() []aadpodidentity.Binding {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Collect(maps.Values(i.bindings))
}

func (m machines) List() (list []mic.Machine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for node, provider := range m.machines {
		list = append(list, mic.Machine{Node: node, ProviderID: provider})
	}
	return list
}

func (a assigned) List() (list []*aadpodidentity.AssignedIdentity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.assigned {
		list = append(list, &one)
	}
	return list
}

// begin is the beginning of every write; the lock is held when it succeeds.
func (c *cluster) begin(ctx context.Context, verb, name string) error {
	c.mu.Lock()
	c.atWork++
	c.most = max(c.most, c.atWork)
	latency, refuse := c.latency, c.refuse
	c.mu.Unlock()
	if latency > 0 {
		time.Sleep(latency)
	}
	var err error
	if refuse != nil {
		err = refuse(verb, name)
	}
	if err == nil {
		err = ctx.Err()
	}
	c.mu.Lock()
	c.atWork--
	if err != nil {
		c.mu.Unlock()
		return err
	}
	c.writes = append(c.writes, verb+" "+name)
	return nil
}

func (c *cluster) end() {
	tell := c.tell
	c.mu.Unlock()
	tell()
}

func (c *cluster) Create(ctx context.Context, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	if err := c.begin(ctx, "create", a.Name); err != nil {
		return a, err
	}
	defer c.end()
	key := objectKey{a.Namespace, a.Name}
	if _, there := c.assigned[key]; there {
		return a, fault.New(fault.Busy, a.Name, "exists")
	}
	a.ResourceVersion = c.next()
	a.UID = "assigned-" + a.ResourceVersion
	c.assigned[key] = a
	return a, nil
}

func (c *cluster) Replace(ctx context.Context, a aadpodidentity.AssignedIdentity) (aadpodidentity.AssignedIdentity, error) {
	if err := c.begin(ctx, "replace", a.Name); err != nil {
		return a, err
	}
	defer c.end()
	stands, there := c.assigned[objectKey{a.Namespace, a.Name}]
	switch {
	case !there:
		return a, fault.New(fault.NotFound, a.Name, "gone")
	case stands.ResourceVersion != a.ResourceVersion || stands.UID != a.UID:
		return a, fault.New(fault.Busy, a.Name, "changed meanwhile")
	}
	a.ResourceVersion = c.next()
	c.assigned[objectKey{a.Namespace, a.Name}] = a
	return a, nil
}

func (c *cluster) SetState(ctx context.Context, a aadpodidentity.AssignedIdentity, state aadpodidentity.State) error {
	if err := c.begin(ctx, "state", a.Name); err != nil {
		return err
	}
	defer c.end()
	key := objectKey{a.Namespace, a.Name}
	stands, there := c.assigned[key]
	if !there || stands.UID != a.UID {
		return fault.New(fault.NotFound, a.Name, "gone")
	}
	stands.State, stands.ResourceVersion = state, c.next()
	c.assigned[key] = stands
	return nil
}

func (c *cluster) Delete(ctx context.Context, a aadpodidentity.AssignedIdentity) error {
	if err := c.begin(ctx, "delete", a.Name); err != nil {
		return err
	}
	defer c.end()
	key := objectKey{a.Namespace, a.Name}
	if c.assigned[key].UID == a.UID {
		delete(c.assigned, key)
	}
	return nil
}

func (c *cluster) wrote() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.writes
	c.writes = nil
	return list
}

// store is the ledger as one process has it open.
type store struct {
	*cluster
	version int
}

func (c *cluster) opened() *store { return &store{cluster: c} }

func (s *store) Load(context.Context) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = s.written
	return maps.Clone(s.data), nil
}

func (s *store) Save(ctx context.Context, data map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if err := s.refuse("ledger", ""); err != nil {
			return err
		}
	}
	if s.version != s.written {
		return fault.New(fault.Busy, "ledger", "changed meanwhile")
	}
	s.written++
	s.version, s.data = s.written, maps.Clone(data)
	return ctx.Err()
}

func (c *cluster) WriteIdentityStatus(_ context.Context, namespace, name string, conditions []secretsstore.Condition) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, "status "+name)
	i, there := c.identities[objectKey{namespace, name}]
	if !there {
		return fault.New(fault.NotFound, name, "gone")
	}
	i.Conditions = nil
	for _, one := range conditions {
		i.Conditions = append(i.Conditions, aadpodidentity.Condition{
			Type: one.Type, Status: one.Status, Reason: one.Reason, Message: one.Message, LastTransitionTime: one.LastTransitionTime,
		})
	}
	c.identities[objectKey{namespace, name}] = i
	for _, one := range conditions {
		c.conditions["AzureIdentity "+namespace+"/"+name+" "+one.Type] = one.Status + " " + one.Reason + " " + one.Message
	}
	return nil
}

func (c *cluster) WritePodCondition(_ context.Context, namespace, name, _ string, one secretsstore.Condition) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, "condition "+name)
	c.conditions["Pod "+namespace+"/"+name] = one.Status + " " + one.Reason + " " + one.Message
	return nil
}

func (c *cluster) Event(about mic.About, warning bool, reason, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, fmt.Sprintf("%s %s/%s warning=%v %s: %s", about.Kind, about.Namespace, about.Name, warning, reason, message))
}

func (c *cluster) condition(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conditions[key]
}

func (c *cluster) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.events
	c.events = nil
	return list
}
