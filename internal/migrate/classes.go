package migrate

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/api/aadpodidentity"
)

// class is a SecretProviderClass among what was read.
type class struct {
	at     place
	in     *migration
	root   *yaml.Node
	stated string     // its namespace as it is written
	key    *yaml.Node // of usePodIdentity: "true"; nil when it says otherwise
	kept   bool       // a pod that stays with pod identity uses it
	users  []use
}

// use is a volume of a pod that names a class.
type use struct {
	pod        *podSpec
	attributes *yaml.Node
}

// class reads one.
func (m *moving) class(in *migration, root *yaml.Node, at place) {
	c := &class{at: at, in: in, root: root, stated: scalar(child(child(root, "metadata"), "namespace"))}
	parameters := c.parameters()
	for i := 0; parameters != nil && i+1 < len(parameters.Content); i += 2 {
		on, err := strconv.ParseBool(scalar(follow(parameters.Content[i+1])))
		if strings.EqualFold(parameters.Content[i].Value, "usePodIdentity") && err == nil && on {
			c.key = parameters.Content[i]
		}
	}
	m.classes[at] = c
	m.order = append(m.order, c)
}

func (c *class) parameters() *yaml.Node { return child(child(c.root, "spec"), "parameters") }

// changeClasses lets classes name the client id of the pods that use them. One that pods of several identities use, or
// that a pod which stays as it is uses, stays; the others get classes of their own.
func (m *moving) changeClasses() {
	for _, p := range m.pods {
		m.uses(p)
	}
	for _, c := range m.order {
		switch whom := c.identities(); {
		case c.key == nil:
		case len(whom) == 0 && !c.kept:
			m.say("class %s: no pod among what was read uses it with an identity; it is left as it is", c.at)
		case len(whom) == 1 && !c.kept:
			c.changeInPlace(whom[0])
			m.say("class %s: pods that run keep their files, which are not renewed until they are replaced: roll them out soon", c.at)
		case len(whom) > 0:
			m.divide(c, whom)
		}
	}
}

// uses notes which classes a pod's volumes name.
func (m *moving) uses(p *podSpec) {
	for _, attributes := range p.users() {
		name := scalar(child(attributes, "secretProviderClass"))
		c := m.classes[place{p.namespace, name}]
		switch {
		case c == nil && len(p.identities) > 0:
			m.note(p.owner, "class %s is not among what was read; if it says usePodIdentity, it must say clientID: %q instead", name, p.identities[0].ClientID)
		case c == nil || c.key == nil:
		case len(p.identities) == 0:
			c.kept = true
		default:
			c.users = append(c.users, use{p, attributes})
		}
		if child(attributes, "usePodIdentity") != nil && len(p.identities) > 0 {
			m.note(p.owner, "its volumeAttributes say usePodIdentity, over the class: take that out by hand")
		}
	}
}

// identities are those of the class's pods, in order of appearance.
func (c *class) identities() (list []aadpodidentity.Identity) {
	seen := map[place]bool{}
	for _, u := range c.users {
		if i := u.pod.identities[0]; !seen[placeOf(i)] {
			seen[placeOf(i)] = true
			list = append(list, i)
		}
	}
	return list
}

// changeInPlace puts the client id in the place of the switch.
func (c *class) changeInPlace(i aadpodidentity.Identity) {
	parameters := c.parameters()
	c.in.put(parameters, c.key, "clientID: "+text(i.ClientID))
	if key := c.former(); key != nil {
		c.in.remove(parameters, key) // it had no effect
	}
}

// former is a client id that the class states without effect.
func (c *class) former() *yaml.Node {
	parameters := c.parameters()
	for i := 0; i+1 < len(parameters.Content); i += 2 {
		if key := parameters.Content[i]; strings.EqualFold(key.Value, "clientID") {
			return key
		}
	}
	return nil
}

// divide makes a class for each identity and has the volumes name them.
func (m *moving) divide(c *class, whom []aadpodidentity.Identity) {
	var names []string
	for _, i := range whom {
		name := m.freeName(c.at.namespace, className(c.at.name+"-"+i.Name))
		m.classes[place{c.at.namespace, name}] = &class{}
		names = append(names, name)
		c.in.classes = append(c.in.classes, c.copied(name, i))
		for _, u := range c.users {
			if placeOf(u.pod.identities[0]) == placeOf(i) {
				key, _ := entry(u.attributes, "secretProviderClass")
				u.pod.in.put(u.attributes, key, "secretProviderClass: "+quoted(name))
			}
		}
	}
	m.say("class %s is used by pods of several bindings: there is one for each identity now (%s), and the old one can be deleted when no pod uses it", c.at, strings.Join(names, ", "))
	if child(child(c.root, "spec"), "secretObjects") != nil {
		m.say("class %s makes Kubernetes Secrets: give each of the new classes a secretName of its own, since two classes do not write one Secret", c.at)
	}
}

func (m *moving) freeName(namespace, base string) string {
	name := base
	for n := 2; m.classes[place{namespace, name}] != nil; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// copied is the class under another name, for one identity. Comments stay; what a server has put there does not.
func (c *class) copied(name string, i aadpodidentity.Identity) []byte {
	if c.root.Decode(&map[string]any{}) != nil {
		c.in.wrong(c.root, "the class is no plain mapping") // one that holds itself, for one
		return nil
	}
	metadata := &yaml.Node{Kind: yaml.MappingNode}
	put(metadata, "name", scalarNode(name))
	if c.stated != "" {
		put(metadata, "namespace", scalarNode(c.stated))
	}
	if labels := child(child(c.root, "metadata"), "labels"); labels != nil {
		put(metadata, "labels", cloned(labels))
	}
	spec := cloned(child(c.root, "spec"))
	parameters := child(spec, "parameters")
	var kept []*yaml.Node
	for n := 0; n+1 < len(parameters.Content); n += 2 {
		key, value := parameters.Content[n], parameters.Content[n+1]
		switch {
		case strings.EqualFold(key.Value, "usePodIdentity"):
			client := scalarNode(i.ClientID)
			client.Style = yaml.DoubleQuotedStyle
			kept = append(kept, scalarNode("clientID"), client)
		case !strings.EqualFold(key.Value, "clientID"):
			kept = append(kept, key, value)
		}
	}
	parameters.Content = kept
	root := &yaml.Node{Kind: yaml.MappingNode}
	put(root, "apiVersion", scalarNode(scalar(child(c.root, "apiVersion"))))
	put(root, "kind", scalarNode("SecretProviderClass"))
	put(root, "metadata", metadata)
	put(root, "spec", spec)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if encoder.Encode(root) != nil || encoder.Close() != nil {
		c.in.wrong(c.root, "the class cannot be written again")
	}
	return b.Bytes()
}

func put(in *yaml.Node, key string, value *yaml.Node) {
	in.Content = append(in.Content, scalarNode(key), value)
}

func scalarNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// cloned is a node of its own, with aliases written out.
func cloned(node *yaml.Node) *yaml.Node {
	node = follow(node)
	if node == nil {
		return &yaml.Node{Kind: yaml.MappingNode}
	}
	own := *node
	own.Anchor = ""
	own.Content = make([]*yaml.Node, 0, len(node.Content))
	for _, inner := range node.Content {
		own.Content = append(own.Content, cloned(inner))
	}
	return &own
}
