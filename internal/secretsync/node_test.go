package secretsync

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

// node is one driver with the pods that run beside it.
type node struct {
	*Syncer
	c *cluster

	mu     sync.Mutex
	said   []string // events: pod, reason and message
	synced int
}

func (c *cluster) node(with ...func(*Config)) *node {
	n := &node{c: c}
	n.start(with...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(c.nodes, n)
	return n
}

// start gives the node a driver that remembers nothing.
func (n *node) start(with ...func(*Config)) {
	config := Config{
		Secrets: n.c, Classes: n.c, Pods: n.c, Events: n, Meter: n, Clock: n.c,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, w := range with {
		w(&config)
	}
	n.Syncer = New(config)
}

func onClock(at clock.Clock) func(*Config) { return func(c *Config) { c.Clock = at } }

func (n *node) Event(pod secret.Pod, warning bool, reason, message string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kind := "Normal"
	if warning {
		kind = "Warning"
	}
	n.said = append(n.said, fmt.Sprintf("%s %s %s: %s", pod.Name, kind, reason, message))
}

func (n *node) SecretSynced(string, time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.synced++
}

// heard is what was said since it was last asked for.
func (n *node) heard() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	said := n.said
	n.said = nil
	slices.Sort(said)
	return said
}

// tend is one round of Run, for tests that turn the clock themselves.
func (n *node) tend() int {
	due, _ := n.due(n.Clock.Now())
	n.round(n.c.t.Context(), due)
	return len(due)
}

// pod is a pod with one volume.
type pod struct {
	on     *node
	meta   secret.Pod
	class  secretsstore.Class
	asked  time.Time
	mounts int

	mu    sync.Mutex
	files map[string]string
	err   error
}

// pod starts one whose owner is named, or a bare one for "". It has nothing mounted yet.
func (n *node) pod(name, owner string, class secretsstore.Class) *pod {
	uid := "uid-" + name
	k := known{}
	if owner != "" {
		k.owners = []secretsstore.Owner{ownerOf(owner)}
	}
	n.c.mu.Lock()
	n.c.pods[uid] = k
	n.c.mu.Unlock()
	return &pod{on: n, class: class, meta: secret.Pod{Namespace: "shop", Name: name, UID: uid, ServiceAccount: "web"}, files: map[string]string{}}
}

func ownerOf(name string) secretsstore.Owner {
	return secretsstore.Owner{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: strings.TrimRight(name, "'"), UID: "uid-" + name}
}

func (p *pod) target() string { return "/pods/" + p.meta.UID + "/mount" }

// has changes a mounted file and tells the driver, as a publish that fetched just now does.
func (p *pod) has(ctx context.Context, name, content string) {
	p.mu.Lock()
	changed := p.files[name] != content
	p.files[name] = content
	p.mu.Unlock()
	p.asked = p.on.c.advance(time.Millisecond)
	p.mounted(ctx, changed)
}

// mounted tells the driver of what is there.
func (p *pod) mounted(ctx context.Context, changed bool) {
	p.mounts++
	p.on.Mounted(ctx, publish.Mounted{
		Volume: publish.Volume{Target: p.target(), Pod: p.meta, Class: p.class.Metadata.Name}, Class: p.class,
		Asked: p.asked, Changed: changed, First: p.mounts == 1,
		Files: p.read,
	})
}

func (p *pod) read() (list []secret.File, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, content := range p.files {
		list = append(list, secret.File{Path: path, Contents: secret.NewValue([]byte(content))})
	}
	return list, p.err
}

// ends has Kubernetes say that the pod is being deleted.
func (p *pod) ends() {
	p.on.c.mu.Lock()
	defer p.on.c.mu.Unlock()
	k := p.on.c.pods[p.meta.UID]
	k.finished = true
	p.on.c.pods[p.meta.UID] = k
}

// class is one with a Secret of each name, made of the file db for the key password.
func (c *cluster) class(name string, secrets ...string) secretsstore.Class {
	class := secretsstore.Class{
		Metadata: secretsstore.Meta{Namespace: "shop", Name: name, UID: "class-" + name, Generation: 1},
		Spec:     secretsstore.Spec{Provider: "azure"},
	}
	for _, s := range secrets {
		class.Spec.SecretObjects = append(class.Spec.SecretObjects, secretsstore.SecretObject{
			SecretName: s, Data: []secretsstore.SecretData{{ObjectName: "db", Key: "password"}},
		})
	}
	c.knows(class)
	return class
}

func (c *cluster) knows(class secretsstore.Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.classes["shop/"+class.Metadata.Name] = class
}

func (c *cluster) forgets(class string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.classes, "shop/"+class)
}

// edited is a class after somebody's edit.
func edited(class secretsstore.Class, change func(*secretsstore.SecretObject)) secretsstore.Class {
	class.Metadata.Generation++
	class.Spec.SecretObjects = slices.Clone(class.Spec.SecretObjects)
	change(&class.Spec.SecretObjects[0])
	return class
}

func (c *cluster) mustCall(gets, applies int) {
	c.t.Helper()
	if g, a := c.calls(); g != gets || a != applies {
		c.t.Errorf("%d reads and %d writes, want %d and %d", g, a, gets, applies)
	}
}

func (c *cluster) mustHold(name, password string, owners ...string) {
	c.t.Helper()
	s := c.live(name)
	if s == nil {
		c.t.Errorf("there is no secret %s", name)
		return
	}
	if got := string(s.Data["password"].Reveal()); got != password {
		c.t.Errorf("secret %s holds %q, want %q", name, got, password)
	}
	var uids []string
	for _, o := range s.Owners {
		uids = append(uids, o.UID)
	}
	slices.Sort(uids)
	slices.Sort(owners)
	if !slices.Equal(uids, owners) {
		c.t.Errorf("secret %s is owned by %v, want %v", name, uids, owners)
	}
}

func mustSay(t *testing.T, n *node, want ...string) {
	t.Helper()
	said := n.heard()
	if len(said) != len(want) {
		t.Errorf("said %d things, want %d: %s", len(said), len(want), strings.Join(said, "\n"))
		return
	}
	for i := range want {
		if !strings.Contains(said[i], want[i]) {
			t.Errorf("said   %s\nwanted %s", said[i], want[i])
		}
	}
}

// forbidden is what the cluster answers when the driver may not touch Secrets.
var forbidden = fault.New(fault.Denied, "secrets shop/db", "may not get resource secrets")
