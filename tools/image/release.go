package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Release is what one build is called.
type Release struct {
	Name     string // repository, without a tag
	Version  string // also the tag
	Revision string // commit; empty writes no label
	Made     time.Time
}

// Build compiles the source for every platform and writes below out:
//
//	strongroom-OS-ARCH             the binary, on Windows with .exe
//	strongroom-OS-ARCH.spdx.json   what is inside of it and of the image
//	strongroom-OS-ARCH.tar         the image as a docker archive, for "ctr images import"
//	oci                            the image of all platforms as an OCI layout
//
// It answers with a line for each and its digest.
func (r Release) Build(source, out string, platforms []platform) (written []string, err error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	licences, err := licencesOf(source)
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		binary, title := filepath.Join(out, p.binary()), filepath.Join(out, p.title())
		if err := r.compile(source, binary, p); err != nil {
			return written, err
		}
		image, err := r.image(source, binary, p)
		if err != nil {
			return written, err
		}
		if err := r.list(binary, title+".spdx.json", p, licences); err != nil {
			return written, err
		}
		if err := r.archive(title+".tar", image); err != nil {
			return written, err
		}
		digest, err := image.Digest()
		if err != nil {
			return written, err
		}
		written = append(written, fmt.Sprintf("%s %s.tar", digest, title))
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: p.descriptor()},
		})
	}
	line, err := r.layout(filepath.Join(out, "oci"), index)
	return append(written, line), err
}

// compile makes a binary that depends on nothing of the machine it is made on.
func (r Release) compile(source, binary string, p platform) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X strongroom/internal/cli.Version="+r.Version, "-o", binary, "./cmd/strongroom")
	build.Dir = source
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("compile for %s: %w", p, err)
	}
	return nil
}

func (r Release) archive(path string, image v1.Image) error {
	tag, err := name.NewTag(r.Name + ":" + r.Version)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(path, tag, image)
}

// layout writes the index as the only entry of a new OCI layout, in place of an old one.
func (r Release) layout(path string, index v1.ImageIndex) (string, error) {
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	root, err := layout.Write(path, empty.Index)
	if err != nil {
		return "", err
	}
	err = root.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": r.Version,
		"io.containerd.image.name":          r.Name + ":" + r.Version,
	}))
	if err != nil {
		return "", err
	}
	digest, err := index.Digest()
	return fmt.Sprintf("%s %s", digest, path), err
}
