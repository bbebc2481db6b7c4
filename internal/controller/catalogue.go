package controller

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"strongroom/api/secretsstore"
)

// id is where a class, or a Secret, is.
type id struct{ namespace, name string }

func (i id) String() string { return i.namespace + "/" + i.name }

func idOf(class secretsstore.Class) id { return id{class.Metadata.Namespace, class.Metadata.Name} }

// catalogue holds the classes as they were last seen, and which of them make which Secret.
type catalogue struct {
	mu      sync.Mutex
	classes map[id]secretsstore.Class
	makers  map[id]map[id]struct{} // by Secret
	seen    map[id]struct{}        // whom changes told of before the first listing; nil after it
}

func newCatalogue() *catalogue {
	return &catalogue{classes: map[id]secretsstore.Class{}, makers: map[id]map[id]struct{}{}, seen: map[id]struct{}{}}
}

// set takes a class as it is now, nil for one that is gone, and gives everyone whose judgement may change by it.
func (c *catalogue) set(at id, class *secretsstore.Class) []id {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen != nil {
		c.seen[at] = struct{}{}
	}
	return c.setLocked(at, class)
}

// list takes the first listing, in which those that changes told of since are old news.
func (c *catalogue) list(classes []secretsstore.Class) (all []id) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, class := range classes {
		if _, newer := c.seen[idOf(class)]; !newer {
			c.setLocked(idOf(class), &class)
		}
	}
	c.seen = nil
	return slices.Collect(maps.Keys(c.classes))
}

func (c *catalogue) setLocked(at id, class *secretsstore.Class) []id {
	affected := map[id]struct{}{at: {}}
	for _, secret := range secretsOf(c.classes[at]) {
		maps.Copy(affected, c.makers[secret])
		delete(c.makers[secret], at)
		if len(c.makers[secret]) == 0 {
			delete(c.makers, secret)
		}
	}
	delete(c.classes, at)
	if class == nil {
		return slices.Collect(maps.Keys(affected))
	}
	c.classes[at] = *class
	for _, secret := range secretsOf(*class) {
		maps.Copy(affected, c.makers[secret])
		if c.makers[secret] == nil {
			c.makers[secret] = map[id]struct{}{}
		}
		c.makers[secret][at] = struct{}{}
	}
	return slices.Collect(maps.Keys(affected))
}

func (c *catalogue) get(at id) (secretsstore.Class, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	class, ok := c.classes[at]
	return class, ok
}

// rivals names the other classes that make a class's Secrets, sorted, by the Secret's name. It is empty for almost every
// class.
func (c *catalogue) rivals(class secretsstore.Class) map[string][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string][]string{}
	for _, secret := range secretsOf(class) {
		var others []string
		for other := range c.makers[secret] {
			if other != idOf(class) {
				others = append(others, other.name)
			}
		}
		if len(others) > 0 {
			slices.Sort(others)
			found[secret.name] = others
		}
	}
	return found
}

// secretsOf are the Secrets a class asks for. One without a name is none.
func secretsOf(class secretsstore.Class) (secrets []id) {
	for _, object := range class.Spec.SecretObjects {
		if name := strings.TrimSpace(object.SecretName); name != "" {
			secrets = append(secrets, id{class.Metadata.Namespace, name})
		}
	}
	return secrets
}
