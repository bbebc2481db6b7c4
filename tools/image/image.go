package main

import (
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// image puts the binary on an empty base. The files that seldom change are a layer of their own, so that an upgrade
// fetches the binary alone.
func (r Release) image(binary, arch string) (v1.Image, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, part := range []struct {
		why   string
		files []file
	}{
		{"users, certificate authorities, a directory for temporary files", base()},
		{"the program", []file{{path: "strongroom", mode: 0o755, content: program}}},
	} {
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
	config.OS, config.Architecture = "linux", arch
	config.Created = v1.Time{Time: r.Made}
	config.Config = v1.Config{
		Entrypoint: []string{"/strongroom"},
		Env:        []string{"PATH=/"},
		// A workload that needs to be root must say so.
		User:       "65532:65532",
		WorkingDir: "/",
		Labels:     r.labels(),
	}
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
