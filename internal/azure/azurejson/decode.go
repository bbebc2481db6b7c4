package azurejson

import (
	"bytes"
	"encoding/json"
	"strings"

	"strongroom/internal/fault"

	"go.yaml.in/yaml/v3"
)

// MaxFile is the most bytes an azure.json may have; real ones have 3 KiB.
const MaxFile = 256 << 10

// decode reads the scalars of a document by key in lower case. YAML is tried second, for it takes no tabs where JSON
// does. What a parser says is not repeated: it quotes what it found.
func decode(text []byte) (map[string]string, fault.List) {
	if len(text) > MaxFile {
		return nil, notAn("is larger than %d KiB", MaxFile>>10)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if json.Valid(text) {
		return decodeJSON(text)
	}
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil {
		return nil, notAn("is neither JSON nor YAML")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, notAn("is no object of keys and values")
	}
	read := reader{values: map[string]string{}}
	pairs := doc.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		if value.Kind == yaml.AliasNode && value.Alias != nil {
			value = value.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
		case value.Kind != yaml.ScalarNode:
			read.structure(key.Value)
		case value.Tag == "!!null":
			read.put(key.Value, "")
		default:
			read.put(key.Value, value.Value)
		}
	}
	return read.values, read.problems
}

func decodeJSON(text []byte) (map[string]string, fault.List) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, notAn("is no object of keys and values")
	}
	read := reader{values: map[string]string{}}
	for decoder.More() {
		name, err := decoder.Token()
		key, ok := name.(string)
		var value any
		if err != nil || !ok || decoder.Decode(&value) != nil {
			return nil, notAn("is neither JSON nor YAML")
		}
		switch v := value.(type) {
		case nil:
			read.put(key, "")
		case string:
			read.put(key, v)
		case bool:
			read.put(key, map[bool]string{true: "true", false: "false"}[v])
		case json.Number:
			read.put(key, v.String())
		default:
			read.structure(key)
		}
	}
	return read.values, read.problems
}

func notAn(format string, args ...any) fault.List {
	return fault.List{fault.New(fault.Invalid, "azure.json", format, args...).
		Mend("compare it with the file of a node: /etc/kubernetes/azure.json")}
}

// reader gathers the values of the keys that count.
type reader struct {
	values   map[string]string
	problems fault.List
}

// put takes a value. The same key twice with two values would make the order of a file decide who logs in.
func (r *reader) put(key, value string) {
	key = strings.ToLower(key)
	if before, twice := r.values[key]; twice && before != value {
		r.complain(key, "is there twice, with two values")
	}
	r.values[key] = value
}

func (r *reader) structure(key string) { r.complain(key, "is no plain value") }

func (r *reader) complain(key, what string) {
	for _, k := range []keys{keyCloud, keyTenant, keySubscription, keyResourceGroup, keyClientID, keyClientSecret, keyUseMSI, keyIdentity} {
		if strings.EqualFold(k.file, key) {
			r.problems = append(r.problems, fault.New(fault.Invalid, "azure.json, "+k.file, "%s", what))
		}
	}
}
