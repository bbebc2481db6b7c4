// Package manifest reads SecretProviderClasses from YAML: files on a command line and directories that stand in for a
// cluster. It checks what an API server would check before any provider sees the class, reports every problem with
// file and line, and never follows a manifest anywhere: it only parses.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/form"
)

// MaxBytes bounds one manifest file. An API server refuses objects far smaller than this.
const MaxBytes = 3 << 20

// Parse reads every SecretProviderClass of a YAML stream and skips other kinds (the Pod that people keep beside it).
// name is the file's name, for messages. All problems of all documents are reported together.
func Parse(name string, data []byte) ([]secretsstore.Class, error) {
	if len(data) > MaxBytes {
		return nil, fault.New(fault.Invalid, name, "the file is longer than the %d bytes that are read", MaxBytes)
	}
	var classes []secretsstore.Class
	var problems fault.List
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			problems = append(problems, fault.New(fault.Invalid, name, "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: ")))
			break
		}
		class, found, faults := parseDocument(name, &doc)
		problems = append(problems, faults...)
		if found && len(faults) == 0 {
			classes = append(classes, class)
		}
	}
	return classes, problems.AsError()
}

func parseDocument(file string, doc *yaml.Node) (class secretsstore.Class, found bool, problems fault.List) {
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return class, false, nil
	}
	root := doc.Content[0]
	var head struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
	}
	if root.Kind != yaml.MappingNode || root.Decode(&head) != nil {
		return class, false, fault.List{at(file, root, "a manifest is a mapping with apiVersion and kind")}
	}
	if head.Kind != secretsstore.KindClass {
		return class, false, nil
	}
	problems = checkShape(file, root, head.APIVersion)
	if len(problems) > 0 {
		return class, true, problems
	}
	if err := root.Decode(&class); err != nil {
		return class, true, fault.List{at(file, root, "%s", strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	return class, true, checkClass(file, root, class)
}

// checkShape holds what the API server's schema would refuse.
func checkShape(file string, root *yaml.Node, apiVersion string) fault.List {
	var problems fault.List
	switch apiVersion {
	case secretsstore.V1, secretsstore.V1Alpha1:
	case "":
		problems = append(problems, at(file, root, "apiVersion is missing").Mend("apiVersion: %s", secretsstore.V1))
	default:
		problems = append(problems, at(file, root, "apiVersion %q is not served", apiVersion).Mend("apiVersion: %s", secretsstore.V1))
	}
	parameters := child(child(root, "spec"), "parameters")
	if parameters == nil || isNull(parameters) {
		return problems
	}
	if parameters.Kind != yaml.MappingNode {
		return append(problems, at(file, parameters, "spec.parameters is a mapping of strings"))
	}
	for i := 0; i+1 < len(parameters.Content); i += 2 {
		key, value := parameters.Content[i], parameters.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if value.Kind != yaml.ScalarNode {
			problems = append(problems, at(file, value, "spec.parameters.%s is a %s; every parameter is a string", key.Value, shape(value)).
				Mend("write a block of text: %s: |", key.Value))
		} else if value.Tag != "!!str" {
			problems = append(problems, at(file, value, "spec.parameters.%s is not a string; the API server refuses %s without quotes", key.Value, value.Value).
				Mend("%s: %q", key.Value, value.Value))
		}
	}
	return problems
}

var dnsName = form.UpTo(253, `^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

func checkClass(file string, root *yaml.Node, class secretsstore.Class) fault.List {
	var problems fault.List
	if !dnsName.MatchString(class.Metadata.Name) {
		problems = append(problems, at(file, root, "metadata.name %q is not a name Kubernetes accepts (lower case letters, digits, '-' and '.')", class.Metadata.Name))
	}
	if class.Spec.Provider == "" {
		problems = append(problems, at(file, root, "provider not set in %s/%s", class.Metadata.Namespace, class.Metadata.Name).Mend("spec.provider: azure"))
	}
	if len(class.Spec.Parameters) == 0 {
		problems = append(problems, at(file, root, "parameters not set in %s/%s", class.Metadata.Namespace, class.Metadata.Name))
	}
	return problems
}

func at(file string, node *yaml.Node, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, fmt.Sprintf("%s:%d", file, node.Line), format, args...)
}

func child(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

func shape(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "list"
	case yaml.MappingNode:
		return "mapping"
	default:
		return "scalar"
	}
}
