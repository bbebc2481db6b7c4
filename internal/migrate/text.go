package migrate

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"strongroom/api/secretsstore"
	"strongroom/internal/form"
)

// edit replaces lines of the text, or puts some before a line.
type edit struct {
	from, to int // lines, counted from 0; to is the first that stays; from itself replaces none
	text     string
}

// lineEnds are what YAML ends a line with (YAML 1.1, section 4.2): its nodes know their lines by counting these.
var lineEnds = form.New("\r\n|[\n\r\u0085\u2028\u2029]")

// linesOf splits a text into its lines, each with its end; the last one may have none, and be empty.
func linesOf(text []byte) [][]byte {
	var lines [][]byte
	rest := string(text)
	for end := lineEnds.FindStringIndex(rest); end != nil; end = lineEnds.FindStringIndex(rest) {
		lines = append(lines, []byte(rest[:end[1]]))
		rest = rest[end[1]:]
	}
	return append(lines, []byte(rest))
}

// replace is the edit that puts lines in the place of a key and all that stands below it: everything indented deeper, and
// what is blank or a comment between. The first line keeps what stands before the key, such as the dash of a list.
func (m *migration) replace(key *yaml.Node, lines []string) edit {
	from, indent := key.Line-1, key.Column-1
	to := from + 1
	for next := to; next < len(m.lines); next++ {
		content := bytes.TrimRight(m.lines[next], " \t\r\n")
		deeper := len(content) - len(bytes.TrimLeft(content, " "))
		switch {
		case len(content) == 0:
			continue
		case deeper <= indent || content[0] == '#':
			next = len(m.lines)
		default:
			to = next + 1
		}
	}
	var b strings.Builder
	b.Write(m.lines[from][:indent])
	for i, line := range lines {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(line + "\n")
	}
	return edit{from, to, b.String()}
}

// text is the classes, and then the text with its edits.
func (m *migration) text() []byte {
	var b bytes.Buffer
	for _, class := range m.classes {
		b.Write(class)
		b.WriteString("---\n")
	}
	slices.SortStableFunc(m.edits, func(a, b edit) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	m.edits = slices.Compact(m.edits) // the same pod, reached by an alias
	rest := m.lines
	if len(rest) > 0 && b.Len() > 0 && bytes.Equal(bytes.TrimSpace(rest[0]), []byte("---")) {
		b.Truncate(b.Len() - len("---\n"))
	}
	at := 0
	for _, e := range m.edits {
		if e.from < at {
			continue // the same volume, reached by an alias
		}
		b.Write(bytes.Join(rest[at:e.from], nil))
		b.WriteString(e.text)
		at = e.to
	}
	b.Write(bytes.Join(rest[at:], nil))
	if !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// render writes a class as a person would.
func render(class secretsstore.Class) string {
	var b strings.Builder
	b.WriteString("apiVersion: " + class.APIVersion + "\nkind: " + class.Kind + "\nmetadata:\n  name: " + quoted(class.Metadata.Name) + "\n")
	if class.Metadata.Namespace != "" {
		b.WriteString("  namespace: " + quoted(class.Metadata.Namespace) + "\n")
	}
	b.WriteString("spec:\n  provider: " + class.Spec.Provider + "\n  parameters:\n")
	parameters := maps.Clone(class.Spec.Parameters)
	objects := parameters["objects"]
	delete(parameters, "objects")
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		b.WriteString("    " + key + ": " + text(parameters[key]) + "\n")
	}
	b.WriteString("    objects: |\n")
	for line := range strings.Lines(objects) {
		b.WriteString("      " + line)
	}
	return b.String()
}

// quoted is a scalar as YAML writes it: plain where that means the same.
func quoted(value string) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return `""` // strings only: it cannot fail
	}
	return strings.TrimSpace(string(text))
}

// text is a scalar in quotes, as people write parameters: they are strings whatever they look like.
func text(value string) string {
	out, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value})
	if err != nil {
		return `""`
	}
	return strings.TrimSpace(string(out))
}
