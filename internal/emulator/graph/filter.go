package graph

import (
	"slices"
	"strings"

	"strongroom/internal/form"
)

// filter is conditions that all must hold. The empty filter lets everything through.
type filter []condition

// condition is that one value of a property is a text, or begins with it; without regard to case, as Graph compares.
type condition struct {
	property string
	prefix   bool
	text     string
}

// The three forms of OData's $filter that tools use, each up to the next "and"; ” within a text is one quote.
var (
	equalForm  = form.New(`^(\w+) +eq +'((?:[^']|'')*)'`)
	beginForm  = form.New(`^(?i:startswith) *\( *(\w+) *, *'((?:[^']|'')*)' *\)`)
	anyForm    = form.New(`^(\w+)/any\( *(\w+) *: *(\w+) +eq +'((?:[^']|'')*)' *\)`)
	connective = form.New(`^ +(?i:and) +`)
)

// parseFilter reads $filter. What is not of a known form, or about another property than known, is refused as Graph does.
func parseFilter(text string, known ...string) (filter, *answer) {
	var f filter
	for rest := strings.TrimSpace(text); rest != ""; {
		c, length := parseCondition(rest)
		if length == 0 || !slices.Contains(known, c.property) {
			return nil, refuse(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property: '%s'.", text)
		}
		f = append(f, c)
		rest = rest[length:]
		if rest == "" {
			break
		}
		and := connective.FindString(rest)
		if and == "" || and == rest {
			return nil, malformed("Invalid filter clause: Syntax error in '%s'.", text)
		}
		rest = rest[len(and):]
	}
	return f, nil
}

func parseCondition(text string) (c condition, length int) {
	if m := anyForm.FindStringSubmatch(text); m != nil && m[2] == m[3] {
		return condition{property: m[1], text: unquote(m[4])}, len(m[0])
	}
	if m := equalForm.FindStringSubmatch(text); m != nil {
		return condition{property: m[1], text: unquote(m[2])}, len(m[0])
	}
	if m := beginForm.FindStringSubmatch(text); m != nil {
		return condition{property: m[1], prefix: true, text: unquote(m[2])}, len(m[0])
	}
	return condition{}, 0
}

func unquote(text string) string { return strings.ReplaceAll(text, "''", "'") }

// holds asks for the values of each property that a condition is about.
func (f filter) holds(values func(property string) []string) bool {
	for _, c := range f {
		if !slices.ContainsFunc(values(c.property), c.fits) {
			return false
		}
	}
	return true
}

func (c condition) fits(value string) bool {
	if c.prefix {
		return len(value) >= len(c.text) && strings.EqualFold(value[:len(c.text)], c.text)
	}
	return strings.EqualFold(value, c.text)
}
