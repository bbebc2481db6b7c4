package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// oldest is the Kubernetes version the manifests are made for: what they contain, every later one understands, too.
const oldest = "1.34.0"

// Form is one installation for "kubectl apply -f" or "kubectl create -f", in which an object comes after what it needs.
// Objects of the CRDs' kinds are in none: kubectl may not find a kind that the same command has just made.
type Form struct {
	File      string // in deploy/
	namespace string
	crds      []string // below api/
	preamble  string
	values    map[string]any
}

// Forms are all of them.
func Forms() []Form {
	return []Form{
		{File: "strongroom.yaml", namespace: "kube-system", crds: []string{"secretsstore/crd/*.yaml"}, preamble: driverPreamble},
		{
			File: "pod-identity.yaml", namespace: "default", crds: []string{"aadpodidentity/crd/*.yaml"}, preamble: standardPreamble,
			values: podIdentity("standard"),
		},
		{
			File: "pod-identity-managed.yaml", namespace: "default", preamble: managedPreamble, values: podIdentity("managed"),
			crds: []string{"aadpodidentity/crd/azureidentities.yaml", "aadpodidentity/crd/azureidentitybindings.yaml", "aadpodidentity/crd/azurepodidentityexceptions.yaml"},
		},
	}
}

// podIdentity is pod identity and nothing else.
func podIdentity(mode string) map[string]any {
	off := map[string]any{"enabled": false}
	return map[string]any{
		"linux": off, "controller": off,
		"podIdentity": map[string]any{"enabled": true, "operationMode": mode},
	}
}

const driverPreamble = `# Strongroom for "kubectl apply -f": what the chart in deploy/chart gives with its defaults, and the CRDs.
# Made by "make manifest"; edits here are lost. docs/install.md says how to change the image and the settings.
#
# On Kubernetes 1.35 and later let the kubelet keep service account tokens out of the volume's attributes:
#   kubectl patch csidriver secrets-store.csi.k8s.io --type merge --patch '{"spec":{"serviceAccountTokenInSecrets":true}}'
`

const standardPreamble = `# Pod identity for "kubectl create -f" or "kubectl apply -f", in namespace default: its CRDs, MIC, which puts identities on
# nodes, and NMI, which gives pods their tokens. MIC itself and the add-ons of AKS go past NMI.
# Made by "make manifest"; edits here are lost. docs/install.md says how to change the image and the settings, and how to
# remove all of it.
`

const managedPreamble = `# Pod identity for "kubectl create -f" or "kubectl apply -f", in namespace default, in managed mode: its CRDs and NMI, which
# gives pods their tokens. Putting identities on nodes is yours; they serve pods of their own namespace only. The add-ons of
# AKS go past NMI.
# Made by "make manifest"; edits here are lost. docs/install.md says how to change the image and the settings, and how to
# remove all of it.
`

// Manifest is everything of a form as one text: the CRDs, then the chart's objects. What the hooks do is left out, since
// the CRDs are there; so are the labels that claim Helm's ownership. apiDir is the directory api of this tree.
func Manifest(chartDir, apiDir string, form Form) (string, error) {
	text := strings.Builder{}
	text.WriteString(form.preamble)
	for _, pattern := range form.crds {
		crds, err := filepath.Glob(filepath.Join(apiDir, pattern))
		if err != nil {
			return "", err
		}
		if len(crds) == 0 {
			return "", fmt.Errorf("no CRDs in %s", pattern)
		}
		slices.Sort(crds)
		for _, file := range crds {
			content, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			text.WriteString("---\n" + strings.TrimPrefix(strings.TrimSpace(string(content)), "---\n") + "\n")
		}
	}
	rendered, err := Render(chartDir, Release{Name: "strongroom", Namespace: form.namespace, Kubernetes: oldest}, form.values)
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
