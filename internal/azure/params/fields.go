package params

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/internal/fault"
)

// Names of an object's fields.
const (
	fieldName       = "objectName"
	fieldType       = "objectType"
	fieldVersion    = "objectVersion"
	fieldHistory    = "objectVersionHistory"
	fieldAlias      = "objectAlias"
	fieldFormat     = "objectFormat"
	fieldEncoding   = "objectEncoding"
	fieldPermission = "filePermission"
	fieldOptional   = "optional"
)

var fieldNames = []string{
	fieldName, fieldType, fieldVersion, fieldHistory, fieldAlias, fieldFormat, fieldEncoding, fieldPermission, fieldOptional,
}

// fields is one object as written: its known fields trimmed, the names of the others.
type fields struct {
	known   map[string]string
	unknown []string
}

// readFields reads one entry. budget is what is left of the bytes that entries given as strings may have together:
// a string can be repeated by alias for nothing.
func readFields(entry *yaml.Node, budget *int) (fields, error) {
	entry = resolve(entry)
	if entry.Kind == yaml.ScalarNode {
		inner, err := readString(entry.Value, budget)
		if err != nil {
			return fields{}, err
		}
		entry = inner
	}
	if entry == nil || entry.Kind != yaml.MappingNode {
		return fields{}, errors.New("yaml: not a map of fields")
	}
	if len(entry.Content) > 2*maxFields {
		return fields{}, fmt.Errorf("more than %d fields", maxFields)
	}
	return readMap(entry)
}

func readString(text string, budget *int) (*yaml.Node, error) {
	if *budget -= len(text); len(text) > maxObjectText || *budget < 0 {
		return nil, errBudget
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, errors.New(fault.Shorten(err.Error()))
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return resolve(doc.Content[0]), nil
}

// readMap takes the scalars as they are written: 0644 and 1e5 stay text, whatever YAML makes of them.
func readMap(entry *yaml.Node) (fields, error) {
	f := fields{known: make(map[string]string, len(entry.Content)/2)}
	for i := 0; i+1 < len(entry.Content); i += 2 {
		name, value := entry.Content[i].Value, resolve(entry.Content[i+1])
		if !slices.Contains(fieldNames, name) {
			f.unknown = append(f.unknown, name)
			continue
		}
		if _, twice := f.known[name]; twice {
			return fields{}, fmt.Errorf("field %s is given twice", name)
		}
		switch {
		case value.Kind != yaml.ScalarNode:
			return fields{}, fmt.Errorf("field %s is not a plain value", name)
		case len(value.Value) > maxFieldText:
			return fields{}, fmt.Errorf("field %s: %w", name, errBudget)
		case value.Tag == "!!null":
			f.known[name] = ""
		default:
			f.known[name] = strings.TrimSpace(value.Value)
		}
	}
	return f, nil
}
