// Package chart renders Strongroom's Helm chart as Helm itself does, without a cluster or with a stand-in for one.
package chart

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

// Release is what a rendering is made for. The zero value of Cluster finds nothing, as "helm template" does.
type Release struct {
	Name       string
	Namespace  string
	Kubernetes string // version, such as 1.36.0
	Upgrade    bool
	Knows      []string // kinds that the cluster has besides Kubernetes' own, each group/version/kind
	Cluster    engine.ClientProvider
}

// Rendered is what Helm would send. Objects come in Helm's order of installation.
type Rendered struct {
	Objects []Object
	Hooks   []Object
	Notes   string
}

// Object is one manifest, as text and decoded.
type Object struct {
	File string // the template it came from
	Text string
	Body map[string]any
}

// Kind is the object's kind.
func (o Object) Kind() string { kind, _ := o.Body["kind"].(string); return kind }

// Name is the object's metadata.name.
func (o Object) Name() string {
	metadata, _ := o.Body["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// Render renders the chart in dir with values laid over its own. The values are held against the chart's schema.
func Render(dir string, r Release, values map[string]any) (Rendered, error) {
	loaded, err := loader.Load(dir)
	if err != nil {
		return Rendered{}, err
	}
	version, err := chartutil.ParseKubeVersion(r.Kubernetes)
	if err != nil {
		return Rendered{}, err
	}
	capabilities := &chartutil.Capabilities{KubeVersion: *version, APIVersions: append(slices.Clone(chartutil.DefaultVersionSet), r.Knows...), HelmVersion: chartutil.DefaultCapabilities.HelmVersion}
	options := chartutil.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: !r.Upgrade, IsUpgrade: r.Upgrade}
	all, err := chartutil.ToRenderValues(loaded, values, options, capabilities)
	if err != nil {
		return Rendered{}, err
	}
	var files map[string]string
	if r.Cluster != nil {
		files, err = engine.RenderWithClientProvider(loaded, all, r.Cluster)
	} else {
		files, err = engine.Render(loaded, all)
	}
	if err != nil {
		return Rendered{}, err
	}
	return sorted(files, capabilities.APIVersions)
}

func sorted(files map[string]string, versions chartutil.VersionSet) (out Rendered, err error) {
	for name, text := range files {
		if path.Base(name) == "NOTES.txt" {
			out.Notes = text
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, versions, releaseutil.InstallOrder)
	if err != nil {
		return Rendered{}, err
	}
	for _, m := range manifests {
		if out.Objects, err = appended(out.Objects, m.Name, m.Content); err != nil {
			return Rendered{}, err
		}
	}
	for _, h := range hooks {
		if out.Hooks, err = appended(out.Hooks, h.Path, h.Manifest); err != nil {
			return Rendered{}, err
		}
	}
	return out, nil
}

func appended(to []Object, file, text string) ([]Object, error) {
	var body map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &body); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return append(to, Object{File: file, Text: strings.TrimSpace(text), Body: body}), nil
}
