package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"strongroom/e2e/image"
)

// read gives the files of an archive.
func read(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeSymlink {
			files[header.Name] = []byte("-> " + header.Linkname)
		}
	}
}

func TestAnImageHoldsItsFilesAndIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!"), 0o755); err != nil {
		t.Fatal(err)
	}
	i := image.Image{
		Name: "localhost/x:1", Files: map[string]string{"/usr/bin/x": program}, Links: map[string]string{"/bin/y": "/usr/bin/x"}, Entrypoint: []string{"/usr/bin/x"},
	}
	var archives [2][]byte
	for n := range archives {
		file := filepath.Join(dir, "x.tar")
		if err := i.Write(file); err != nil {
			t.Fatal(err)
		}
		archives[n], _ = os.ReadFile(file)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the same image has other bytes the second time")
	}
	outer := read(t, archives[0])
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(outer["manifest.json"], &manifest); err != nil || len(manifest) != 1 || manifest[0].RepoTags[0] != i.Name {
		t.Fatalf("%v in %s", err, outer["manifest.json"])
	}
	layer := read(t, outer[manifest[0].Layers[0]])
	for name, want := range map[string]string{"usr/bin/x": "#!", "bin/y": "-> /usr/bin/x", "tmp/": "", "usr/": ""} {
		if got, there := layer[name]; !there || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, there)
		}
	}
	if !bytes.Contains(outer[manifest[0].Config], []byte(`"Entrypoint":["/usr/bin/x"]`)) {
		t.Errorf("%s", outer[manifest[0].Config])
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	t.Parallel()
	i := image.Image{Files: map[string]string{"/x": filepath.Join(t.TempDir(), "none")}}
	if err := i.Write(filepath.Join(t.TempDir(), "x.tar")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
