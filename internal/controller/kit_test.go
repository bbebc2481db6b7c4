package controller_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/controller"
	"strongroom/internal/fault"
)

// shown is a change that was kept back.
type shown struct {
	name string
	show func()
}

// cluster keeps classes as an API server does, and shows every change to whoever watches: a status that is written is a
// change too.
type cluster struct {
	mu      sync.Mutex
	classes map[string]secretsstore.Class
	watcher *controller.Findings
	synced  bool
	lag     bool // changes are kept back until catchUp
	late    []shown
	uids    int

	writes  []string
	events  []string
	refuse  func(name string) error
	writing chan struct{} // when not nil, each write waits for one
	atWork  int
	most    int // writes at a time
}

func newCluster() *cluster { return &cluster{classes: map[string]secretsstore.Class{}, synced: true} }

// edit makes or changes a class; the generation rises with the spec.
func (c *cluster) edit(namespace, name string, change func(*secretsstore.Spec)) {
	c.mu.Lock()
	class, there := c.classes[namespace+"/"+name]
	if !there {
		c.uids++
		class.Metadata = secretsstore.Meta{Namespace: namespace, Name: name, UID: fmt.Sprint("u-", c.uids)}
		class.Spec = good()
	}
	class.Spec.Parameters = copyOf(class.Spec.Parameters)
	class.Spec.SecretObjects = slices.Clone(class.Spec.SecretObjects)
	change(&class.Spec)
	class.Metadata.Generation++
	c.putLocked(class)
	c.mu.Unlock()
}

func copyOf(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

// putLocked stores a class and shows it.
func (c *cluster) putLocked(class secretsstore.Class) {
	key := class.Metadata.Namespace + "/" + class.Metadata.Name
	c.classes[key] = class
	c.showLocked(class.Metadata.Namespace, class.Metadata.Name, &class)
}

func (c *cluster) showLocked(namespace, name string, class *secretsstore.Class) {
	watcher := c.watcher
	if watcher == nil {
		return
	}
	if c.lag {
		c.late = append(c.late, shown{name, func() { watcher.Changed(namespace, name, class) }})
		return
	}
	watcher.Changed(namespace, name, class)
}

func (c *cluster) catchUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.late {
		one.show()
	}
	c.lag, c.late = false, nil
}

func (c *cluster) remove(namespace, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.classes, namespace+"/"+name)
	c.showLocked(namespace, name, nil)
}

func (c *cluster) Synced() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.synced
}

func (c *cluster) List() []secretsstore.Class {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []secretsstore.Class
	for _, class := range c.classes {
		list = append(list, class)
	}
	return list
}

func (c *cluster) WriteClassStatus(ctx context.Context, namespace, name string, generation int64, status secretsstore.ClassStatus) error {
	c.mu.Lock()
	c.atWork++
	c.most = max(c.most, c.atWork)
	gate := c.writing
	c.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atWork--
	if err := ctx.Err(); err != nil {
		return err
	}
	c.writes = append(c.writes, namespace+"/"+name)
	if c.refuse != nil {
		if err := c.refuse(name); err != nil {
			return err
		}
	}
	class, there := c.classes[namespace+"/"+name]
	if !there {
		return fault.New(fault.NotFound, "", "secretproviderclasses %q not found", name)
	}
	class.Status = status
	c.putLocked(class)
	return nil
}

func (c *cluster) ClassEvent(class secretsstore.Class, warning bool, reason, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, fmt.Sprintf("%s/%s warning=%v %s: %s", class.Metadata.Namespace, class.Metadata.Name, warning, reason, message))
}

// condition is what a class's status says.
func (c *cluster) condition(namespace, name string) secretsstore.Condition {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, condition := range c.classes[namespace+"/"+name].Status.Conditions {
		return condition
	}
	return secretsstore.Condition{}
}

// drain gives and forgets what was written and told.
func (c *cluster) drain() (writes, events []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	writes, events = c.writes, c.events
	c.writes, c.events = nil, nil
	return writes, events
}

// decoder takes classes of a provider with two parameters: "bad" lists problems, and "files" what is mounted.
type decoder struct{}

func (decoder) Decode(class secretsstore.Class) (controller.Decoded, error) {
	var problems fault.List
	for problem := range strings.FieldsSeq(class.Spec.Parameters["bad"]) {
		problems = append(problems, fault.New(fault.Invalid, "parameter "+problem, "is bad").Mend("make it good"))
	}
	files := strings.Fields(class.Spec.Parameters["files"])
	return controller.Decoded{
		Notes: strings.Fields(class.Spec.Parameters["notes"]),
		Files: func(path string) bool { return slices.Contains(files, path) },
	}, problems.AsError()
}

func good() secretsstore.Spec {
	return secretsstore.Spec{Provider: "azure", Parameters: map[string]string{"files": "a dir/b"}}
}

// replica is one leader over a cluster, in a bubble of its own.
type replica struct {
	*cluster
	clock *clock.Fake
	log   *bytes.Buffer
	stop  func()
}

func (r *replica) advance(d time.Duration) {
	r.clock.Advance(d)
	synctest.Wait()
}

// lead starts a replica that has just become the leader, as the one it follows left the cluster.
func lead(t *testing.T, c *cluster, time *clock.Fake) *replica {
	t.Helper()
	r := &replica{cluster: c, clock: time, log: &bytes.Buffer{}}
	f := controller.NewFindings(controller.Config{
		Classes: c, Decoders: map[string]controller.Decoder{"azure": decoder{}}, Reporter: c, Clock: time,
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	c.mu.Lock()
	c.watcher = f
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	synctest.Wait()
	return r
}

// bubble runs a test that waits by synctest.Wait.
func bubble(t *testing.T, test func(*testing.T)) {
	t.Parallel()
	synctest.Test(t, test)
}

var errRefused = errors.New("refused")
