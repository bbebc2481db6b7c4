package secretsync

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// cluster is an API server in memory, as far as Secrets need one: versions, preconditions, server-side apply by one field
// manager, garbage collection, and watches that are delivered when a test says so. It holds the driver to its promises
// while it is written to: no owner is dropped, no content goes back in time, nothing is written that changes nothing.
type cluster struct {
	t *testing.T

	mu      sync.Mutex
	now     time.Time
	version int
	secrets map[id]*object
	classes map[string]secretsstore.Class // by namespace/name
	pods    map[string]known              // by UID
	gone    map[string]bool               // UIDs of owners that were deleted
	news    []news
	nodes   []*node

	gets, applies int
	refuse        error                        // every operation fails with it
	between       func(operation string, i id) // called before an operation takes effect, unlocked
	after         func()                       // called when a read has taken effect, unlocked
	loose         bool                         // somebody else writes too: content may go back
}

type object struct {
	Secret
	stated map[string]bool // fields the driver stated last
}

type known struct {
	owners   []secretsstore.Owner
	finished bool
}

type news struct {
	id
	version string
	deleted bool
}

func newCluster(t *testing.T) *cluster {
	return &cluster{
		t: t, now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), version: 100,
		secrets: map[id]*object{}, classes: map[string]secretsstore.Class{}, pods: map[string]known{}, gone: map[string]bool{},
	}
}

// Now and After make the cluster a clock on which nobody waits: whoever would, finds the time passed.
func (c *cluster) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *cluster) After(d time.Duration) (<-chan time.Time, func()) {
	fired := make(chan time.Time, 1)
	fired <- c.advance(d)
	return fired, func() {}
}

func (c *cluster) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

func (c *cluster) begin(operation string, i id) error {
	if c.between != nil {
		c.between(operation, i)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if operation == "get" {
		c.gets++
	} else {
		c.applies++
	}
	return c.refuse
}

func (c *cluster) Get(ctx context.Context, namespace, name string) (Secret, error) {
	i := id{namespace, name}
	if err := c.begin("get", i); err != nil {
		return Secret{}, err
	}
	if ctx.Err() != nil {
		return Secret{}, fault.Wrap(ctx.Err(), fault.Unavailable, "", "no answer")
	}
	if c.after != nil {
		defer c.after()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.secrets[i]
	if o == nil {
		return Secret{}, fault.New(fault.NotFound, "", "secrets %q not found", name)
	}
	return o.copied(), nil
}

func (o *object) copied() Secret {
	s := o.Secret
	s.Labels, s.Annotations, s.Data = maps.Clone(s.Labels), maps.Clone(s.Annotations), maps.Clone(s.Data)
	s.Owners = slices.Clone(s.Owners)
	return s
}

func (c *cluster) Apply(_ context.Context, s Secret) (Secret, error) {
	i := id{s.Namespace, s.Name}
	if err := c.begin("apply", i); err != nil {
		return Secret{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.secrets[i]
	switch {
	case (s.ResourceVersion == "") != (s.UID == ""):
		c.t.Error("a write with half of a precondition")
	case o == nil && s.UID != "", o != nil && (s.ResourceVersion != o.ResourceVersion || s.UID != o.UID):
		return Secret{}, fault.New(fault.Busy, "", "the object has been modified (version %d)", c.version)
	case o != nil && (o.Type != s.Type || o.Immutable && !sameValues(o.Data, s.Data)):
		c.t.Errorf("asked for what cannot be: type %s to %s, immutable %v", o.Type, s.Type, o.Immutable)
	case o == nil:
		o = &object{Secret: Secret{Namespace: s.Namespace, Name: s.Name, Type: s.Type, UID: fmt.Sprintf("secret-%d", c.version)}}
		o.Labels, o.Annotations, o.Data = map[string]string{}, map[string]string{}, map[string]secret.Value{}
		c.secrets[i] = o
	}
	before := o.copied()
	o.state(s)
	c.holds(before, o.Secret)
	c.touched(i, o)
	return o.copied(), nil
}

// state is server-side apply: what the driver stated before and does not state now goes, what others set stays.
func (o *object) state(s Secret) {
	stated := map[string]bool{}
	merge(o.stated, stated, "label/", o.Labels, s.Labels)
	merge(o.stated, stated, "annotation/", o.Annotations, s.Annotations)
	merge(o.stated, stated, "data/", o.Data, s.Data)
	o.Owners = slices.DeleteFunc(o.Owners, func(w secretsstore.Owner) bool { return o.stated["owner/"+w.UID] && !hasOwner(s.Owners, w) })
	for _, w := range s.Owners {
		stated["owner/"+w.UID] = true
		if !hasOwner(o.Owners, w) {
			o.Owners = append(o.Owners, w)
		}
	}
	o.stated = stated
}

func merge[V any](before, now map[string]bool, prefix string, live, wanted map[string]V) {
	for key := range live {
		if _, still := wanted[key]; before[prefix+key] && !still {
			delete(live, key)
		}
	}
	for key, value := range wanted {
		live[key] = value
		now[prefix+key] = true
	}
}

// holds is what must be true of every write.
func (c *cluster) holds(before, after Secret) {
	for _, w := range before.Owners {
		if !hasOwner(after.Owners, w) {
			c.t.Errorf("owner %s of %s was dropped", w.UID, after.Name)
		}
	}
	if before.ResourceVersion == "" {
		return
	}
	same := sameValues(before.Data, after.Data) && maps.Equal(before.Labels, after.Labels) && maps.Equal(before.Annotations, after.Annotations)
	if same && len(before.Owners) == len(after.Owners) {
		c.t.Errorf("a write of %s that changes nothing", after.Name)
	}
	was, _ := askedAt(before)
	is, _ := askedAt(after)
	if is.Before(was) && !c.loose {
		c.t.Errorf("the content of %s went back from %s to %s", after.Name, stamp(was), stamp(is))
	}
}

func sameValues(a, b map[string]secret.Value) bool { return maps.EqualFunc(a, b, secret.Value.Equal) }

func (c *cluster) touched(i id, o *object) {
	c.version++
	o.ResourceVersion = strconv.Itoa(c.version)
	c.news = append(c.news, news{i, o.ResourceVersion, false})
}

// edit is somebody's hand.
func (c *cluster) edit(name string, change func(*Secret)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := id{"shop", name}
	if o := c.secrets[i]; o != nil {
		change(&o.Secret)
		c.touched(i, o)
	}
}

// put makes somebody else's Secret.
func (c *cluster) put(s Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Namespace, s.UID = "shop", fmt.Sprintf("foreign-%d", c.version)
	o := &object{Secret: s}
	o.Labels, o.Annotations, o.Data = map[string]string{}, map[string]string{}, map[string]secret.Value{}
	maps.Copy(o.Labels, s.Labels)
	maps.Copy(o.Annotations, s.Annotations)
	maps.Copy(o.Data, s.Data)
	c.secrets[id{s.Namespace, s.Name}] = o
	c.touched(id{s.Namespace, s.Name}, o)
}

func (c *cluster) remove(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removeLocked(id{"shop", name})
}

func (c *cluster) removeLocked(i id) {
	if o := c.secrets[i]; o != nil {
		delete(c.secrets, i)
		c.version++
		c.news = append(c.news, news{i, o.ResourceVersion, true}) // a watch that was lost knows no other
	}
}

// collect is Kubernetes's garbage collector.
func (c *cluster) collect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, o := range c.secrets {
		dead := func(w secretsstore.Owner) bool { return c.gone[w.UID] }
		switch {
		case len(o.Owners) == 0 || !slices.ContainsFunc(o.Owners, dead):
		case !slices.ContainsFunc(o.Owners, func(w secretsstore.Owner) bool { return !dead(w) }):
			c.removeLocked(i)
		default:
			o.Owners = slices.DeleteFunc(o.Owners, dead)
			c.touched(i, o)
		}
	}
}

// deliver brings what is new to every node's watch.
func (c *cluster) deliver() {
	c.mu.Lock()
	list, nodes := c.news, c.nodes
	c.news = nil
	c.mu.Unlock()
	for _, n := range list {
		for _, to := range nodes {
			to.Changed(n.namespace, n.name, n.version, n.deleted)
		}
	}
}

// live is a Secret as it stands; nil when there is none.
func (c *cluster) live(name string) *Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.secrets[id{"shop", name}]
	if o == nil {
		return nil
	}
	s := o.copied()
	return &s
}

// calls is how many reads and writes there were since it was last asked.
func (c *cluster) calls() (gets, applies int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gets, applies = c.gets, c.applies
	c.gets, c.applies = 0, 0
	return gets, applies
}

func (c *cluster) Class(_ context.Context, namespace, name string) (secretsstore.Class, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	class, found := c.classes[namespace+"/"+name]
	if !found {
		return class, fault.New(fault.NotFound, "", "secretproviderclass %q not found", name)
	}
	return class, nil
}

func (c *cluster) Owners(_ context.Context, pod secret.Pod) ([]secretsstore.Owner, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, found := c.pods[pod.UID]
	if !found {
		return nil, false, fault.New(fault.NotFound, "", "pods %q not found", pod.Name)
	}
	return p.owners, p.finished, nil
}
