package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// The media types of what a registry hands out.
const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
	layerType    = "application/vnd.docker.image.rootfs.diff.tar"
)

// Registry hands out images by HTTP, for pods whose images must be pulled: those that name no tag. It has what it was
// given and nothing else.
type Registry struct {
	manifests map[string][]byte // by "library/nginx:latest" and by digest
	blobs     map[string][]byte // by digest
}

// NewRegistry reads archives that Image wrote.
func NewRegistry(archives ...string) (*Registry, error) {
	r := &Registry{manifests: map[string][]byte{}, blobs: map[string][]byte{}}
	for _, file := range archives {
		if err := r.add(file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return r, nil
}

func (r *Registry) add(file string) error {
	parts, err := unpack(file)
	if err != nil {
		return err
	}
	var list []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(parts["manifest.json"], &list); err != nil {
		return err
	}
	for _, listed := range list {
		layers := []any{}
		for _, name := range listed.Layers {
			layers = append(layers, r.blob(layerType, parts[name]))
		}
		manifest, err := json.Marshal(map[string]any{
			"schemaVersion": 2, "mediaType": manifestType, "config": r.blob(configType, parts[listed.Config]), "layers": layers,
		})
		if err != nil {
			return err
		}
		r.manifests[digest(manifest)] = manifest
		for _, name := range listed.RepoTags {
			_, name, _ = strings.Cut(name, "/") // the registry's own name
			r.manifests[name] = manifest
		}
	}
	return nil
}

// blob keeps bytes and describes them.
func (r *Registry) blob(kind string, content []byte) any {
	r.blobs[digest(content)] = content
	return map[string]any{"mediaType": kind, "size": len(content), "digest": digest(content)}
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func unpack(file string) (map[string][]byte, error) {
	archive, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	parts := map[string][]byte{}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		if parts[header.Name], err = io.ReadAll(reader); err != nil {
			return nil, err
		}
	}
}

// ServeHTTP answers /v2/NAME/manifests/TAG, .../manifests/DIGEST and .../blobs/DIGEST.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	path := strings.TrimPrefix(request.URL.Path, "/v2/")
	content, kind := r.blobs[path[strings.LastIndex(path, "/")+1:]], "application/octet-stream"
	if name, reference, asked := strings.Cut(path, "/manifests/"); asked {
		content, kind = r.manifests[name+":"+reference], manifestType
		if strings.HasPrefix(reference, "sha256:") {
			content = r.manifests[reference]
		}
	}
	if content == nil {
		http.NotFound(w, request)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", digest(content))
	http.ServeContent(w, request, "", time.Time{}, bytes.NewReader(content))
}
