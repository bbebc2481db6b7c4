package thirdparty

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Page is the list as it stands in THIRD_PARTY.md and in the image: a table, and every text once with the modules it
// belongs to.
func Page(modules []Module) string {
	var b strings.Builder
	b.WriteString("# Whose work is in the program\n\nWritten by `make licenses`. The binary holds these modules, on Linux or Windows; the image holds the certificates of the\nlast one but Go's library besides.\n\n| module | version | licence |\n|---|---|---|\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, m.Version, m.Licence)
	}
	b.WriteString("\n## The texts\n")
	var order []string
	owners := map[string][]string{}
	for _, m := range modules {
		for _, text := range m.Texts {
			body := strings.TrimSpace(strings.ReplaceAll(text.Body, "\r\n", "\n"))
			if owners[body] == nil {
				order = append(order, body)
			}
			owners[body] = append(owners[body], m.Path+" "+text.Name)
		}
	}
	for _, body := range order {
		b.WriteString("\n")
		for _, owner := range owners[body] {
			fmt.Fprintf(&b, "- %s\n", owner)
		}
		b.WriteString("\n")
		for line := range strings.Lines(body + "\n") {
			b.WriteString(strings.TrimRight("    "+line, " \t\n") + "\n")
		}
	}
	return b.String()
}

// Library is Go's standard library, a part of every binary.
func Library() (Module, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return Module{}, err
	}
	m := Module{Path: "Go's standard library", Version: "go.mod's", Licence: "BSD-3-Clause"}
	for _, name := range []string{"LICENSE", "PATENTS"} {
		body, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), name))
		if os.IsNotExist(err) && name == "PATENTS" {
			continue
		}
		if err != nil {
			return Module{}, err
		}
		m.Texts = append(m.Texts, Text{Name: name, Body: string(body)})
	}
	return m, nil
}

// All is everything that a release brings along: what is linked into the program, whose source is at source, the module
// that the image's certificates are taken from, and Go's library. tools is the directory of this module.
func All(source, tools string) ([]Module, error) {
	modules, err := Of(source, "./cmd/strongroom")
	if err != nil {
		return nil, err
	}
	roots, err := Of(tools, "golang.org/x/crypto/x509roots/fallback/bundle")
	if err != nil {
		return nil, err
	}
	library, err := Library()
	return append(append(modules, roots...), library), err
}
