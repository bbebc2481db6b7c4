package params

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/internal/fault"
)

// objects reads the parameter of that name: YAML with a list under `array`, whose entries are strings of YAML again.
// Entries that are maps, and a list without `array` around it, are read as well: both are what people write first.
func (d *decoder) objects() []Object {
	text := d.attrs[keyObjects]
	if text == "" {
		d.problem("parameter objects", "objects is not set").Mend(exampleObjects)
		return nil
	}
	entries, err := d.entries(text)
	switch {
	case err != nil:
		d.problem("parameter objects", "failed to yaml unmarshal objects, error: %v", err).Mend(exampleObjects)
		return nil
	case len(entries) == 0:
		d.problem("parameter objects", "names no object").Mend(exampleObjects)
		return nil
	case len(entries) > maxObjects:
		d.problem("parameter objects", "names %d objects, and at most %d can be mounted", len(entries), maxObjects).
			Mend("use several volumes")
		return nil
	}
	list := make([]Object, 0, len(entries))
	budget := maxObjectsText
	for i, entry := range entries {
		f, err := readFields(entry, &budget)
		if err != nil {
			d.problem(fmt.Sprintf("objects[%d]", i), "unmarshal failed for keyVaultObjects at index %d, error: %v", i, err).
				Mend(exampleObjects)
			continue
		}
		for _, name := range f.unknown {
			d.note("objects[%d].%s is not known and has no effect%s", i, fault.Shorten(name), didYouMean(name, fieldNames))
		}
		list = append(list, d.object(i, f))
	}
	d.collisions(list)
	return list
}

const exampleObjects = "objects: |\n  array:\n    - |\n      objectName: my-secret\n      objectType: secret"

var errBudget = errors.New("the text is too long")

// entries finds the list in the document. What stands beside it is said in notes.
func (d *decoder) entries(text string) ([]*yaml.Node, error) {
	if len(text) > maxObjectsText {
		return nil, fmt.Errorf("%w: more than %d KiB", errBudget, maxObjectsText>>10)
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	root, err := document(decoder)
	if err != nil || root == nil {
		return nil, err
	}
	if next, err := document(decoder); err == nil && next != nil {
		d.note("parameter objects holds more than one YAML document, and only the first is read")
	}
	switch root.Kind {
	case yaml.SequenceNode:
		return root.Content, nil
	case yaml.MappingNode:
		return d.array(root)
	}
	return nil, errors.New("yaml: neither a map with the key array nor a list")
}

func (d *decoder) array(root *yaml.Node) ([]*yaml.Node, error) {
	var list *yaml.Node
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i].Value, resolve(root.Content[i+1])
		switch {
		case key != "array":
			d.note("objects.%s is not known and has no effect%s", fault.Shorten(key), didYouMean(key, []string{"array"}))
		case list != nil:
			return nil, errors.New("yaml: the key array is given twice")
		case value.Kind != yaml.SequenceNode && value.Tag != "!!null":
			return nil, errors.New("yaml: array is not a list")
		default:
			list = value
		}
	}
	if list == nil {
		return nil, errors.New("yaml: there is no key array")
	}
	return list.Content, nil
}

// document is the next document's content, nil at the end and for an empty one.
func document(decoder *yaml.Decoder) (*yaml.Node, error) {
	var doc yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New(fault.Shorten(err.Error()))
	}
	return resolve(doc.Content[0]), nil
}

// resolve follows an alias. An anchored node is never an alias itself, and readers here descend three levels and no
// further, so nested aliases cannot multiply.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}
