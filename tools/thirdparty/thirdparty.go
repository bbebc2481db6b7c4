// Package thirdparty says whose work a binary of ours holds besides our own: every module that is linked into it, with its
// version, its licence and the texts that must travel with a copy. It reads the module cache, and nothing of a network.
package thirdparty

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Module is one module, or Go's standard library.
type Module struct {
	Path, Version string
	Licence       string // SPDX's name; several are joined by " AND "
	Texts         []Text // licences and notices, in the order of their names
}

// Text is one file that must travel along.
type Text struct {
	Name string // below the module's root, such as "LICENSE" or "third_party/forked/golang/PATENTS"
	Body string
}

// systems are those that binaries are released for; what is linked differs a little between them.
var systems = []string{"linux", "windows"}

// Of lists what is linked into the command, a package of the module in the directory source, on any of our systems. A
// module without a licence, or with one that is not allowed, is an error that names it.
func Of(source, command string) ([]Module, error) {
	found := map[string]*linked{}
	for _, system := range systems {
		if err := collect(found, source, command, system); err != nil {
			return nil, err
		}
	}
	var list []Module
	var wrong []error
	for _, l := range found {
		m, err := l.read()
		list, wrong = append(list, m), append(wrong, err)
	}
	slices.SortFunc(list, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return list, errors.Join(wrong...)
}

// linked is a module and those of its directories that hold a linked package.
type linked struct {
	path, version, root string
	dirs                map[string]bool
}

// collect asks Go which packages the command is made of.
func collect(found map[string]*linked, source, command, system string) error {
	list := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module", command)
	list.Dir, list.Stderr = source, os.Stderr
	list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOOS="+system, "GOARCH=amd64")
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list for %s: %w", system, err)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir      string
			Standard bool
			Module   *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if p.Standard || p.Module == nil || p.Module.Main {
			continue
		}
		m := found[p.Module.Path]
		if m == nil {
			m = &linked{path: p.Module.Path, version: p.Module.Version, root: p.Module.Dir, dirs: map[string]bool{}}
			found[p.Module.Path] = m
		}
		for dir := p.Dir; !m.dirs[dir]; dir = filepath.Dir(dir) {
			m.dirs[dir] = true
			if dir == m.root {
				break
			}
		}
	}
}

// read finds the texts beside the linked packages and above them, and makes the licence of the module's own.
func (l *linked) read() (Module, error) {
	m := Module{Path: l.path, Version: l.version}
	var names []string
	for dir := range l.dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return m, err
		}
		for _, entry := range entries {
			if !entry.IsDir() && isText(entry.Name()) {
				names = append(names, filepath.Join(dir, entry.Name()))
			}
		}
	}
	slices.Sort(names)
	licences := map[string]bool{}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			return m, err
		}
		inside, err := filepath.Rel(l.root, name)
		if err != nil {
			return m, err
		}
		m.Texts = append(m.Texts, Text{Name: filepath.ToSlash(inside), Body: string(body)})
		if !isLicence(filepath.Base(name)) {
			continue
		}
		kinds := Classify(string(body))
		if len(kinds) == 0 {
			return m, fmt.Errorf("%s %s: the licence in %s is none of those that are allowed: %s", l.path, l.version, inside, strings.Join(Allowed(), ", "))
		}
		for _, kind := range kinds {
			licences[kind] = true
		}
	}
	if len(licences) == 0 {
		return m, fmt.Errorf("%s %s has no licence", l.path, l.version)
	}
	m.Licence = joined(licences)
	return m, nil
}

// isText is true for files that a copy must bring along: licences, notices, grants of patents.
func isText(name string) bool {
	base := strings.ToUpper(strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".md"), ".txt"))
	return isLicence(name) || base == "NOTICE" || base == "PATENTS"
}

func isLicence(name string) bool {
	upper := strings.ToUpper(name)
	return !strings.HasSuffix(upper, ".GO") && (strings.HasPrefix(upper, "LICENSE") || strings.HasPrefix(upper, "LICENCE") || strings.HasPrefix(upper, "COPYING"))
}
