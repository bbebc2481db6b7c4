package wire

import (
	"slices"
	"strings"
)

// Resource is what all kinds have in common, as lists across kinds show it.
type Resource struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Location string            `json:"location,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
}

// Visible is the list of what a reader may read. Refusal is what there is to say against reading all of it, nil being
// nothing; then what may be read one by one is listed, and the refusal is the answer only when that is nothing at all.
func Visible[T any](list []T, refusal *Answer, may func(T) bool) *Answer {
	if refusal == nil {
		return List(list)
	}
	list = slices.DeleteFunc(list, func(one T) bool { return !may(one) })
	if len(list) == 0 {
		return refusal
	}
	return List(list)
}

// Compare answers the filters clients send for lists, "field eq 'value'", alone or joined by "and"; a field that is not
// given matches. Other forms are refused rather than ignored, for a list that is too long misleads.
func Compare(filter string, fields map[string]string) (matches bool, no *Answer) {
	if strings.TrimSpace(filter) == "" {
		return true, nil
	}
	matches = true
	for _, term := range splitFold(filter, " and ") {
		field, value, ok := equality(term)
		actual, known := fields[strings.ToLower(field)]
		if !ok || !known {
			return false, Refuse(400, "InvalidFilterInQueryString", "Invalid $filter '%s' specified in the query string.", filter)
		}
		matches = matches && strings.EqualFold(actual, value)
	}
	return matches, nil
}

// equality reads field eq 'value'; a quote within the value is doubled.
func equality(term string) (field, value string, ok bool) {
	parts := splitFold(strings.TrimSpace(term), " eq ")
	if len(parts) != 2 {
		return "", "", false
	}
	value = strings.TrimSpace(parts[1])
	if len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
		return "", "", false
	}
	return strings.TrimSpace(parts[0]), strings.ReplaceAll(value[1:len(value)-1], "''", "'"), true
}

// splitFold is strings.Split for a separator in any case.
func splitFold(text, separator string) []string {
	var parts []string
	lower := strings.ToLower(text)
	for {
		i := strings.Index(lower, separator)
		if i < 0 {
			return append(parts, text)
		}
		parts = append(parts, text[:i])
		text, lower = text[i+len(separator):], lower[i+len(separator):]
	}
}
