package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// oldest is the Kubernetes version the manifest is made for: what it contains, every later one understands, too.
const oldest = "1.34.0"

const preamble = `# Strongroom for "kubectl apply -f": what the chart in deploy/chart gives with its defaults, and the CRDs.
# Made by "make manifest"; edits here are lost. docs/install.md says how to change the image and the settings.
#
# On Kubernetes 1.35 and later let the kubelet keep service account tokens out of the volume's attributes:
#   kubectl patch csidriver secrets-store.csi.k8s.io --type merge --patch '{"spec":{"serviceAccountTokenInSecrets":true}}'
`

// Manifest is everything of a default installation as one text: the CRDs of crdDir, then the chart's objects. What the
// hooks do is left out, since the CRDs are there; so are the labels that claim Helm's ownership.
func Manifest(chartDir, crdDir string) (string, error) {
	crds, err := filepath.Glob(filepath.Join(crdDir, "*.yaml"))
	if err != nil {
		return "", err
	}
	if len(crds) == 0 {
		return "", fmt.Errorf("no CRDs in %s", crdDir)
	}
	slices.Sort(crds)
	text := strings.Builder{}
	text.WriteString(preamble)
	for _, file := range crds {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		text.WriteString("---\n" + strings.TrimPrefix(strings.TrimSpace(string(content)), "---\n") + "\n")
	}
	rendered, err := Render(chartDir, Release{Name: "strongroom", Namespace: "kube-system", Kubernetes: oldest}, nil)
	if err != nil {
		return "", err
	}
	for _, object := range rendered.Objects {
		text.WriteString("---\n" + plain(object.Text) + "\n")
	}
	return text.String(), nil
}

// plain drops what only Helm writes, and lines of blanks.
func plain(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed == "app.kubernetes.io/managed-by: Helm" || strings.HasPrefix(trimmed, "helm.sh/chart:") || strings.HasPrefix(trimmed, "# Source:") {
			continue
		}
		kept = append(kept, strings.TrimRight(line, " \n"))
	}
	return strings.Join(kept, "\n")
}
