// Package image writes container images of one layer, as archives that a container runtime imports. There is no registry
// where the tests run, and nothing they need of an image is more than a few files.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Image is what to write.
type Image struct {
	Name       string            // with its tag, as pods name it
	Files      map[string]string // of the machine, executable, by their place in the image
	Links      map[string]string // symbolic ones: the target by the place
	Entrypoint []string
}

// Write writes the archive. The same files give the same bytes.
func (i Image) Write(file string) error {
	layer, err := i.layer()
	if err != nil {
		return err
	}
	layerID := fmt.Sprintf("%x", sha256.Sum256(layer))
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": i.Entrypoint, "Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layerID}},
	})
	if err != nil {
		return err
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]map[string]any{{"Config": configName, "RepoTags": []string{i.Name}, "Layers": []string{layerID + ".tar"}}})
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err = errors.Join(put(w, layerID+".tar", 0o644, layer), put(w, configName, 0o644, config), put(w, "manifest.json", 0o644, manifest), w.Close())
	if err != nil {
		return err
	}
	return os.WriteFile(file, archive.Bytes(), 0o644)
}

// accounts are the users every image knows.
const (
	users  = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
	groups = "root:x:0:\nnobody:x:65534:\n"
)

func (i Image) layer() ([]byte, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range i.directories() {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		if err := w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: mode}); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(put(w, "etc/passwd", 0o644, []byte(users)), put(w, "etc/group", 0o644, []byte(groups))); err != nil {
		return nil, err
	}
	for _, place := range slices.Sorted(maps.Keys(i.Files)) {
		content, err := os.ReadFile(i.Files[place])
		if err != nil {
			return nil, err
		}
		if err := put(w, strings.Trim(place, "/"), 0o755, content); err != nil {
			return nil, err
		}
	}
	for _, place := range slices.Sorted(maps.Keys(i.Links)) {
		if err := w.WriteHeader(&tar.Header{Name: strings.Trim(place, "/"), Typeflag: tar.TypeSymlink, Linkname: i.Links[place], Mode: 0o777}); err != nil {
			return nil, err
		}
	}
	return layer.Bytes(), w.Close()
}

// directories lists what must be there before the files, parents first.
func (i Image) directories() []string {
	all := map[string]bool{"dev": true, "etc": true, "proc": true, "sys": true, "tmp": true}
	for _, places := range []map[string]string{i.Files, i.Links} {
		for place := range places {
			for dir := path.Dir(strings.Trim(place, "/")); dir != "."; dir = path.Dir(dir) {
				all[dir] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func put(w *tar.Writer, name string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
