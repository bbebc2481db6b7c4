package main

import (
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// part is a layer, and what it is for.
type part struct {
	why   string
	files []file
}

// parts are the layers. The files that seldom change are one of their own, so that an upgrade fetches the binary alone.
func (r Release) parts(p platform, program, own, others []byte) []part {
	if p.os == windows {
		return []part{
			{"what Windows wants of a lowest layer: empty registry hives; licences", foundation(r.Made, own, others)},
			{"the program", onWindows(program)},
		}
	}
	return []part{
		{"users, certificate authorities, licences, a directory for temporary files", base(own, others)},
		{"the program", []file{{path: "strongroom", mode: 0o755, content: program}}},
	}
}

// image puts the binary on an empty base.
func (r Release) image(source, binary string, p platform) (v1.Image, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile(filepath.Join(source, "LICENSE"))
	if err != nil {
		return nil, err
	}
	others, err := os.ReadFile(filepath.Join(source, "THIRD_PARTY.md"))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, part := range r.parts(p, program, own, others) {
		layer, err := r.layer(part.files)
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{
			Layer: layer, MediaType: types.OCILayer,
			History: v1.History{Created: v1.Time{Time: r.Made}, CreatedBy: "strongroom/tools/image", Comment: part.why},
		})
		if err != nil {
			return nil, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.os, p.arch
	config.Created = v1.Time{Time: r.Made}
	config.Config = p.config(r.labels())
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	return mutate.Annotations(image, r.labels()).(v1.Image), nil
}

func (r Release) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       "strongroom",
		"org.opencontainers.image.description": "Azure Key Vault secrets, keys and certificates as files in Kubernetes pods",
		"org.opencontainers.image.version":     r.Version,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.created":     r.Made.Format("2006-01-02T15:04:05Z07:00"),
	}
	if r.Revision != "" {
		labels["org.opencontainers.image.revision"] = r.Revision
	}
	return labels
}
