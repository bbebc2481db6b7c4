package state

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"strongroom/internal/fault"
)

// largest bounds a document, so that a wrong file name cannot fill memory.
const largest = 8 << 20

// decode reads one YAML document (JSON is YAML too) into target, a pointer; path is what the whole is called. The library's own strictness stops at the
// first type error of a struct and names lines only; this walk names the path of every unknown, repeated and ill-typed
// field, and never repeats a value. Aliases are refused: nothing here needs them, and they are how small files become
// large.
func decode(data []byte, target any, path string) fault.List {
	root, err := document(data)
	if err != nil {
		return fault.List{err}
	}
	w := &walker{}
	if root != nil {
		w.value(root, reflect.ValueOf(target).Elem(), path)
	}
	return w.problems
}

func document(data []byte) (*yaml.Node, *fault.Error) {
	if len(data) > largest {
		return nil, fault.New(fault.Invalid, "document", "is larger than %d MiB", largest>>20)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, more yaml.Node
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "document", "is not YAML")
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "document", "holds more than one YAML document")
	}
	return root.Content[0], nil
}

// walker collects problems on its way through a document.
type walker struct{ problems fault.List }

func (w *walker) wrong(n *yaml.Node, path, format string, args ...any) {
	if path == "" {
		path = "document"
	}
	w.problems = append(w.problems, fault.New(fault.Invalid, path, "%s (line %d)", fmt.Sprintf(format, args...), n.Line))
}

// legacyUnmarshaler is the form of UnmarshalYAML that needs no import of the library.
type legacyUnmarshaler interface {
	UnmarshalYAML(decode func(any) error) error
}

func (w *walker) value(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		w.wrong(n, path, "anchors and aliases are not taken here")
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	switch own := v.Addr().Interface().(type) {
	case legacyUnmarshaler:
		w.own(n, own, path)
		return
	case encoding.TextUnmarshaler:
		w.text(n, own, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		w.value(n, v.Elem(), path)
	case reflect.Struct:
		w.structure(n, v, path)
	case reflect.Slice:
		w.list(n, v, path)
	case reflect.Map:
		w.mapping(n, v, path)
	default:
		w.scalar(n, v, path)
	}
}

// own lets a type decode itself, into what it likes but by these rules.
func (w *walker) own(n *yaml.Node, target legacyUnmarshaler, path string) {
	before := len(w.problems)
	err := target.UnmarshalYAML(func(into any) error {
		w.value(n, reflect.ValueOf(into).Elem(), path)
		if len(w.problems) > before {
			return w.problems[before:]
		}
		return nil
	})
	if err != nil && len(w.problems) == before {
		w.wrong(n, path, "%v", err)
	}
}

func (w *walker) text(n *yaml.Node, target encoding.TextUnmarshaler, path string) {
	if n.Kind != yaml.ScalarNode {
		w.wrong(n, path, "must be a single value")
	} else if err := target.UnmarshalText([]byte(n.Value)); err != nil {
		w.wrong(n, path, "%v", err)
	}
}

func (w *walker) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		w.wrong(n, path, "must be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		w.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (w *walker) mapping(n *yaml.Node, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	w.pairs(n, path, func(key, value *yaml.Node, at string) {
		item := reflect.New(v.Type().Elem()).Elem()
		w.value(value, item, at)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
	})
}

func (w *walker) structure(n *yaml.Node, v reflect.Value, path string) {
	known := fields(v)
	w.pairs(n, path, func(key, value *yaml.Node, at string) {
		field, ok := known[key.Value]
		if !ok {
			w.wrong(key, at, "is not a field here")
			return
		}
		w.value(value, field, at)
	})
}

// pairs visits a mapping's entries, each key once.
func (w *walker) pairs(n *yaml.Node, path string, visit func(key, value *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		w.wrong(n, path, "must be a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		switch {
		case key.Kind != yaml.ScalarNode:
			w.wrong(key, path, "a key must be a plain word")
		case seen[key.Value]:
			w.wrong(key, at, "is given twice")
		default:
			seen[key.Value] = true
			visit(key, n.Content[i+1], at)
		}
	}
}

// fields lists a struct's fields by their YAML names, inlined structs included.
func fields(v reflect.Value) map[string]reflect.Value {
	known := map[string]reflect.Value{}
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			for inner, field := range fields(v.Field(i)) {
				known[inner] = field
			}
		case name != "" && name != "-":
			known[name] = v.Field(i)
		}
	}
	return known
}

func (w *walker) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode || n.Decode(v.Addr().Interface()) != nil {
		w.wrong(n, path, "must be %s", wanted(v))
	}
}

func wanted(v reflect.Value) string {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		return "a duration such as 1.5s or 10m"
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	return "a whole number"
}
