package main

import (
	"archive/tar"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// One build for all tests of what is in it, and a second one to hold against the first.
func TestBuild(t *testing.T) {
	t.Parallel()
	release := Release{Name: "localhost/strongroom", Version: "1.2.3", Revision: "abc", Made: time.Unix(1700000000, 0).UTC()}
	first, second := t.TempDir(), t.TempDir()
	var digests [2][]string
	for i, out := range []string{first, second} {
		written, err := release.Build("../..", out, known)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range written {
			digest, _, _ := strings.Cut(line, " ")
			digests[i] = append(digests[i], digest)
		}
	}
	if a, b := strings.Join(digests[0], "\n"), strings.Join(digests[1], "\n"); a != b {
		t.Errorf("two builds of one source differ:\n%s\n\n%s", a, b)
	}
	for _, p := range known {
		title := filepath.Join(first, p.title())
		if p.os == windows {
			holdHostProcess(t, title+".tar", filepath.Join(first, p.binary()))
		} else {
			holdArchive(t, title+".tar", p.arch)
			holdStatic(t, title)
		}
		holdList(t, title+".spdx.json", p)
		for _, kind := range []string{".spdx.json", ".tar"} {
			same(t, title+kind, filepath.Join(second, p.title()+kind))
		}
	}
	holdLayout(t, filepath.Join(first, "oci"))
}

func same(t *testing.T, a, b string) {
	t.Helper()
	one, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(two) {
		t.Errorf("%s and %s differ", a, b)
	}
}

func holdArchive(t *testing.T, path, arch string) {
	t.Helper()
	image, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != arch || config.OS != "linux" || config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/strongroom" {
		t.Errorf("%s: config is %+v", arch, config)
	}
	if config.Config.Labels["org.opencontainers.image.version"] != "1.2.3" || config.Config.Labels["org.opencontainers.image.revision"] != "abc" {
		t.Errorf("%s: labels are %v", arch, config.Config.Labels)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		read := tar.NewReader(content)
		for {
			header, err := read.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			modes[header.Name] = header.Mode
			if header.Uid != 0 || header.Gid != 0 || header.ModTime.Unix() != 1700000000 {
				t.Errorf("%s of %d:%d, %s", header.Name, header.Uid, header.Gid, header.ModTime)
			}
		}
		if err := content.Close(); err != nil {
			t.Error(err)
		}
	}
	for path, mode := range map[string]int64{"strongroom": 0o755, "etc/passwd": 0o644, "etc/group": 0o644, "etc/ssl/certs/ca-certificates.crt": 0o644, "licenses/LICENSE": 0o644, "licenses/THIRD_PARTY.md": 0o644, "tmp/": 0o1777} {
		if modes[path] != mode {
			t.Errorf("%s has mode %o, not %o", path, modes[path], mode)
		}
	}
}

// A binary that asked for a loader would find none in an empty image.
func holdStatic(t *testing.T, path string) {
	t.Helper()
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			t.Errorf("%s is linked dynamically", path)
		}
	}
}

// spdxID is what the specification allows.
var spdxID = regexp.MustCompile(`^SPDXRef-[A-Za-z0-9.-]+$`)

func holdList(t *testing.T, path string, p platform) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc spdxDocument
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	ids, found := map[string]bool{doc.ID: true}, map[string]bool{}
	for _, p := range doc.Packages {
		if ids[p.ID] {
			t.Errorf("%s is there twice", p.ID)
		}
		ids[p.ID], found[p.Name] = true, true
		if p.Name != "strongroom" && p.Name != "stdlib" && !strings.Contains(p.Source, "h1:") {
			t.Errorf("%s has no sum", p.Name)
		}
		if p.Declared == "" || p.Declared == "NOASSERTION" || p.Version == "" || !spdxID.MatchString(p.ID) {
			t.Errorf("%s %s is of licence %q, as %s", p.Name, p.Version, p.Declared, p.ID)
		}
	}
	for _, r := range doc.Relationships {
		if !ids[r.From] || !ids[r.To] {
			t.Errorf("%v speaks of what is not there", r)
		}
	}
	for _, name := range []string{"strongroom", "stdlib", "google.golang.org/grpc", "golang.org/x/sys"} {
		if !found[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	if want := "strongroom-1.2.3-" + p.os + "-" + p.arch; doc.Name != want {
		t.Errorf("%s is called %s", path, doc.Name)
	}
	if doc.Version != "SPDX-2.3" || doc.Creation.Created != "2023-11-14T22:13:20Z" || len(doc.Relationships) != len(doc.Packages) {
		t.Errorf("%s: %+v", path, doc.Creation)
	}
}

func holdLayout(t *testing.T, path string) {
	t.Helper()
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	top, err := index.IndexManifest()
	if err != nil || len(top.Manifests) != 1 {
		t.Fatalf("%d entries, %v", len(top.Manifests), err)
	}
	inner, err := index.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		if m.Platform.OSVersion != "" {
			t.Errorf("%s is for nodes of version %s alone", m.Platform, m.Platform.OSVersion)
		}
	}
	if got := strings.Join(platforms, " "); got != "linux/amd64 linux/arm64 windows/amd64" {
		t.Errorf("platforms are %s", got)
	}
}
