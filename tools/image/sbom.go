package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// The parts of SPDX 2.3 in JSON that a list of modules needs, by the names of that specification.
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		License       string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		ID        string         `json:"SPDXID"`
		Name      string         `json:"name"`
		Version   string         `json:"versionInfo,omitempty"`
		Download  string         `json:"downloadLocation"`
		Analyzed  bool           `json:"filesAnalyzed"`
		Source    string         `json:"sourceInfo,omitempty"`
		Concluded string         `json:"licenseConcluded"`
		Declared  string         `json:"licenseDeclared"`
		Copyright string         `json:"copyrightText"`
		Purpose   string         `json:"primaryPackagePurpose,omitempty"`
		Checksums []spdxChecksum `json:"checksums,omitempty"`
		Refs      []spdxRef      `json:"externalRefs,omitempty"`
	}
	spdxChecksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	spdxRef struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Kind string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

// list writes to path what the binary says it was made of, and the certificates the image adds. On Windows there are none:
// the node's own are trusted.
func (r Release) list(binary, path string, p platform, licences map[string]string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	roots := authoritiesModule()
	if p.os == windows {
		roots = nil
	}
	doc := r.document(info, roots, p, hex.EncodeToString(sum[:]))
	for i, module := range doc.Packages[1:] {
		licence := licences[module.Name]
		if licence == "" {
			return fmt.Errorf("the licence of %s, which is in %s, is not in THIRD_PARTY.md: make licenses", module.Name, binary)
		}
		doc.Packages[1+i].Declared = licence
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// licencesOf is the licence of every module by its path, by the list that goes into the image.
func licencesOf(source string) (map[string]string, error) {
	page, err := os.ReadFile(filepath.Join(source, "THIRD_PARTY.md"))
	if err != nil {
		return nil, err
	}
	licences := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(strings.Trim(line, "|\n "), " | "); len(cells) == 3 {
			licences[strings.TrimSpace(cells[0])] = strings.TrimSpace(cells[2])
		}
	}
	licences["stdlib"] = licences["Go's standard library"]
	return licences, nil
}

func (r Release) document(info *debug.BuildInfo, roots *debug.Module, p platform, sum string) spdxDocument {
	title := fmt.Sprintf("strongroom-%s-%s-%s", r.Version, p.os, p.arch)
	program := spdxPackage{
		ID: "SPDXRef-strongroom", Name: "strongroom", Version: r.Version, Download: "NOASSERTION", Purpose: "APPLICATION",
		Concluded: "Apache-2.0", Declared: "Apache-2.0", Copyright: "NOASSERTION",
		Checksums: []spdxChecksum{{"SHA256", sum}},
	}
	doc := spdxDocument{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: title,
		// Unique for the content, and the same for the same content.
		Namespace:     "https://spdx.org/spdxdocs/" + title + "-" + sum,
		Creation:      spdxCreation{Created: r.Made.Format("2006-01-02T15:04:05Z"), Creators: []string{"Tool: strongroom-tools-image"}},
		Packages:      []spdxPackage{program},
		Relationships: []spdxRelationship{{"SPDXRef-DOCUMENT", "DESCRIBES", program.ID}},
	}
	add := func(p spdxPackage, kind string) {
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelationship{program.ID, kind, p.ID})
	}
	add(modulePackage(&debug.Module{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}), "DEPENDS_ON")
	for _, module := range info.Deps {
		add(modulePackage(module), "DEPENDS_ON")
	}
	if roots != nil {
		add(modulePackage(roots), "DEPENDS_ON")
	}
	return doc
}

func modulePackage(m *debug.Module) spdxPackage {
	if m.Replace != nil {
		m = m.Replace
	}
	p := spdxPackage{
		ID: "SPDXRef-module-" + identifier(m.Path+"-"+m.Version), Name: m.Path, Version: m.Version, Purpose: "LIBRARY",
		Download: "NOASSERTION", Concluded: "NOASSERTION", Declared: "NOASSERTION", Copyright: "NOASSERTION",
		Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + m.Path + "@" + m.Version}},
	}
	if m.Sum != "" {
		p.Download = "https://proxy.golang.org/" + escaped(m.Path) + "/@v/" + escaped(m.Version) + ".zip"
		p.Source = "go.sum " + m.Sum // a hash of the module's tree, not of one file, so no checksum in SPDX's sense
	}
	return p
}

// authoritiesModule is where the image's certificates come from, by this program's own build information; nil when it
// has none, as in a test of this package alone.
func authoritiesModule() *debug.Module {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, module := range info.Deps {
		if module.Path == "golang.org/x/crypto/x509roots/fallback" {
			return module
		}
	}
	return nil
}

// identifier keeps what SPDX allows in an id.
func identifier(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '-'
	}, filepath.ToSlash(text))
}

// escaped is a module path as the proxy's addresses spell it: upper case letters as "!" and their lower case.
func escaped(path string) string {
	var b strings.Builder
	for _, c := range path {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('!')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
