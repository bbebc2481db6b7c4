// Package examples holds one manifest per identity mode: the SecretProviderClass and the Pod that the systems this
// product replaces have documented for years, with their placeholders filled in. The demo mounts exactly these files.
package examples

import "embed"

// Files are the manifests, by name.
//
//go:embed *.yaml
var Files embed.FS
