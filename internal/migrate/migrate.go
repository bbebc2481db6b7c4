// Package migrate turns manifests that use what Strongroom replaces into manifests that use what is to stay: a FlexVolume
// azure/kv becomes a CSI volume and the SecretProviderClass that asks for the same; what pod identity's objects give a pod
// becomes a ServiceAccount for workload identity. It is pure: text in, text out.
//
// What is not changed keeps every byte, comments and blank lines among it: a person will read the difference. The result
// is read again before it is given, and what would not be the same is said in notes.
package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/internal/fault"
)

// Result is a migrated text.
type Result struct {
	Text    []byte   // the new classes, then the text with its volumes changed; the text as it was where there was nothing to do
	Volumes int      // how many volumes were changed
	Notes   []string // what differs or needs a hand, each with its place
}

// maxText bounds what is read, far above what an API server takes.
const maxText = 8 << 20

// FlexVolumes changes every FlexVolume azure/kv of a YAML stream, in whatever kind of workload it stands. name is the
// file's, for messages. The error tells every problem of every volume, by line.
func FlexVolumes(name string, text []byte) (Result, error) {
	if len(text) > maxText {
		return Result{}, fault.New(fault.Invalid, name, "it is longer than the %d bytes that are read", maxText)
	}
	roots, err := documents(name, text)
	if err != nil {
		return Result{}, err
	}
	m := newMigration(name, text)
	for _, root := range roots {
		m.document(root)
	}
	if err := m.problems.AsError(); err != nil {
		return Result{}, err
	}
	if len(m.edits) == 0 {
		return Result{Text: text, Notes: m.notes}, nil
	}
	result := Result{Text: m.text(), Volumes: len(m.edits), Notes: m.notes}
	return result, m.verify(result.Text)
}

// documents reads a stream's documents.
func documents(name string, text []byte) (roots []*yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, name, "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if len(doc.Content) > 0 {
			roots = append(roots, doc.Content[0])
		}
	}
}

// migration is the work on one text.
type migration struct {
	file     string
	lines    [][]byte
	edits    []edit
	classes  [][]byte
	made     map[string]string // what a class says, by its namespace and name
	notes    []string
	problems fault.List
}

func newMigration(file string, text []byte) *migration {
	return &migration{file: file, lines: linesOf(text), made: map[string]string{}}
}

// owner is the object that a volume stands in.
type owner struct{ kind, namespace, name string }

func (o owner) String() string {
	return strings.ToLower(o.kind) + " " + strings.TrimPrefix(o.namespace+"/"+o.name, "/")
}

// document looks through one object, or each item of a list.
func (m *migration) document(root *yaml.Node) {
	if items := child(root, "items"); strings.HasSuffix(scalar(child(root, "kind")), "List") && items != nil {
		for _, item := range items.Content {
			m.document(follow(item))
		}
		return
	}
	metadata := child(root, "metadata")
	o := owner{scalar(child(root, "kind")), scalar(child(metadata, "namespace")), scalar(child(metadata, "name"))}
	if o.name == "" {
		o.name = strings.TrimRight(scalar(child(metadata, "generateName")), "-")
	}
	if flex := child(child(root, "spec"), "flexVolume"); o.kind == "PersistentVolume" && scalar(child(flex, "driver")) == driver {
		m.wrong(flex, "%s is a persistent volume, and there are none of the driver that is to replace %s", o, driver).
			Mend("let the pods that claim it have the volume inline")
		return
	}
	m.look(root, o)
}

// look finds lists of volumes at any depth: pods, their templates, and whatever holds those.
func (m *migration) look(node *yaml.Node, o owner) {
	if volumes := child(node, "volumes"); volumes != nil && volumes.Kind == yaml.SequenceNode {
		for _, volume := range volumes.Content {
			m.volume(node, volume, o)
		}
	}
	for i, inner := range node.Content {
		if node.Kind != yaml.MappingNode || i%2 == 1 {
			m.look(inner, o)
		}
	}
}

func (m *migration) wrong(node *yaml.Node, format string, args ...any) *fault.Error {
	line := 0
	if node != nil {
		line = node.Line
	}
	e := fault.New(fault.Invalid, fmt.Sprintf("%s:%d", m.file, line), format, args...)
	m.problems = append(m.problems, e)
	return e
}

func (m *migration) note(o owner, volume, format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf("%s, volume %s: ", o, volume)+fmt.Sprintf(format, args...))
}

// verify reads the result as an API server would, and wants nothing left to migrate in it.
func (m *migration) verify(text []byte) error {
	roots, err := documents(m.file, text)
	if err != nil {
		return fault.Wrap(err, fault.Internal, m.file, "the result is not YAML any more").
			Mend("write the volume without anchors and aliases")
	}
	again := newMigration(m.file, text)
	for _, root := range roots {
		again.document(root)
	}
	if len(again.edits) > 0 || len(again.problems) > 0 {
		return fault.New(fault.Internal, m.file, "the result still holds a volume of %s", driver).Mend("write the volume without anchors and aliases")
	}
	return nil
}

// child is the value of a key; nil when there is none.
func child(node *yaml.Node, key string) *yaml.Node {
	_, value := entry(node, key)
	return value
}

// entry is a key and its value.
func entry(node *yaml.Node, key string) (k, v *yaml.Node) {
	node = follow(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i], follow(node.Content[i+1])
		}
	}
	return nil, nil
}

func follow(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func scalar(node *yaml.Node) string {
	if node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}
