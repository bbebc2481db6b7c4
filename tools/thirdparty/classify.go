package thirdparty

import (
	"maps"
	"slices"
	"strings"
)

// fingerprint is phrases by which a licence is known. Texts are compared in lower case and with all white space as one.
type fingerprint struct {
	name string
	has  []string
	not  []string
}

// allowed are the licences that may be linked into what we release under the Apache License 2.0.
var allowed = []fingerprint{
	{name: "Apache-2.0", has: []string{"apache license", "version 2.0", "grant of patent license"}},
	{name: "MPL-2.0", has: []string{"mozilla public license", "version 2.0", "secondary licenses"}},
	{name: "MIT", has: []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "the above copyright notice and this permission notice shall be included"}},
	{name: "ISC", has: []string{"permission to use, copy, modify, and", "distribute this software for any purpose with or without fee is hereby granted"}},
	{name: "BSD-3-Clause", has: []string{"redistribution and use in source and binary forms", "neither the name", "redistributions in binary form"}},
	{name: "BSD-2-Clause", has: []string{"redistribution and use in source and binary forms", "redistributions in binary form"}, not: []string{"neither the name", "advertising materials"}},
}

// forbidden are words of licences that ask more of a copy than ours gives. The Mozilla licence names them, too.
var forbidden = []string{"gnu general public license", "gnu affero general public license", "gnu lesser general public license", "server side public license", "business source license"}

// Allowed names the licences that may be linked.
func Allowed() (names []string) {
	for _, f := range allowed {
		names = append(names, f.name)
	}
	return names
}

// Classify says which of the allowed licences a text holds, by SPDX's names; none for a text that holds another one, or
// that nobody here knows.
func Classify(text string) (names []string) {
	plain := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	for _, f := range allowed {
		missing := func(phrase string) bool { return !strings.Contains(plain, phrase) }
		if !slices.ContainsFunc(f.has, missing) && !slices.ContainsFunc(f.not, func(phrase string) bool { return !missing(phrase) }) {
			names = append(names, f.name)
		}
	}
	for _, phrase := range forbidden {
		if strings.Contains(plain, phrase) && !slices.Contains(names, "MPL-2.0") {
			return nil
		}
	}
	return names
}

func joined(licences map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(licences)), " AND ")
}
