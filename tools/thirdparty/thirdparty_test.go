package thirdparty

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whoever adds or raises a module writes the list again; one with another licence does not get that far.
func TestTheListIsWhatIsLinked(t *testing.T) {
	t.Parallel()
	modules, err := All("../..", "..")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != Page(modules) {
		t.Error("THIRD_PARTY.md is not what is linked now: make licenses")
	}
	for _, m := range modules {
		for kind := range strings.SplitSeq(m.Licence, " AND ") {
			if !slices.Contains(Allowed(), kind) || len(m.Texts) == 0 || m.Texts[0].Body == "" {
				t.Errorf("%s: %q, %d texts", m.Path, m.Licence, len(m.Texts))
			}
		}
	}
	if len(modules) < 30 {
		t.Errorf("only %d modules", len(modules))
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	ours, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	const bsd = "Redistribution and use in source and binary forms... Redistributions in binary form must"
	for text, want := range map[string]string{
		string(ours): "Apache-2.0",
		"Permission is hereby granted, free\nof charge, to any person obtaining a copy. The above copyright notice and this permission notice shall be included": "MIT",
		bsd:                             "BSD-2-Clause",
		bsd + " Neither the name of":    "BSD-3-Clause",
		bsd + " advertising materials ": "",
		"Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted": "ISC",
		"Mozilla Public License Version 2.0, Secondary Licenses: the GNU General Public License":                                 "MPL-2.0",
		string(ours) + "GNU General Public License":                                                                              "",
		"all rights reserved": "",
		"":                    "",
	} {
		if got := strings.Join(Classify(text), " AND "); got != want {
			t.Errorf("%q of %.60q, want %q", got, text, want)
		}
	}
}

// A module whose licence nobody here knows, or that has none, stops the list.
func TestAnUnknownLicenceIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, text, want string }{
		"unknown":   {"LICENSE", "ask me first", "none of those that are allowed"},
		"none":      {"README.md", "hello", "has no licence"},
		"forbidden": {"COPYING.txt", "GNU General Public License", "COPYING.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			inner := filepath.Join(dir, "pkg")
			if err := os.Mkdir(inner, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			l := linked{path: "example.com/x", version: "v1.0.0", root: dir, dirs: map[string]bool{dir: true, inner: true}}
			if _, err := l.read(); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "example.com/x v1.0.0") {
				t.Errorf("got %v", err)
			}
		})
	}
}
