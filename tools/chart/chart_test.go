package chart_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint"
	"sigs.k8s.io/yaml"

	"strongroom/tools/chart"
)

const (
	chartDir = "../../deploy/chart"
	crdDir   = "../../api/secretsstore/crd"
)

var inKubeSystem = chart.Release{Name: "strongroom", Namespace: "kube-system", Kubernetes: "1.36.0"}

// parsed reads values as a -f file would be.
func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

func render(t *testing.T, r chart.Release, values string) chart.Rendered {
	t.Helper()
	out, err := chart.Render(chartDir, r, parsed(t, values))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// matrix are the values every rule of this package is held against: each switch on and off at least once.
var matrix = map[string]string{
	"defaults":        ``,
	"sync":            `{syncSecret: {enabled: true}}`,
	"taint":           `{startupTaint: {enabled: true}, controller: {replicas: 2}}`,
	"no rotation":     `{enableSecretRotation: false, rotationPollInterval: null, tokenRequests: []}`,
	"pod network":     `{linux: {hostNetwork: false, healthzPort: 18989}, metricsAddr: ":18898"}`,
	"openshift":       `{linux: {privileged: true}}`,
	"another kubelet": `{linux: {kubeletRootDir: /var/snap/microk8s/common/var/lib/kubelet/, providersDir: /run/providers, additionalProvidersDirs: []}}`,
	"named":           `{fullnameOverride: vault, nameOverride: keys, commonLabels: {team: a}, imagePullSecrets: [{name: pull}]}`,
	"policy":          `{policy: {rules: [{namespaces: [shop], modes: [workload-identity], vaults: [kv]}]}, forbidAttributeOverride: true, networkPolicy: {enabled: true}}`,
	"private cloud":   `{cloudFiles: {own.json: "{}"}, cloudFile: own.json, caBundle: "-----BEGIN CERTIFICATE-----", lastKnownGood: 15m, linux: {provider: {env: [{name: HTTPS_PROXY, value: "http://proxy"}]}}}`,
	"chatty":          `{logVerbosity: 5, logFormatJSON: true, constructPEMChain: false, writeCertAndKeyInSeparateFiles: true, maxCallRecvMsgSize: 8388608}`,
	"no metrics":      `{linux: {metricsAddr: ""}, controller: {metricsAddr: ""}}`,
	"provider only":   `{secrets-store-csi-driver: {install: false}}`,
	"driver only":     `{linux: {provider: {enabled: false}}, controller: {enabled: false}}`,
	"upstream driver": file("testdata/upstream-driver.yaml"),
	"upstream azure":  file("testdata/upstream-azure.yaml"),
}

func file(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func each(t *testing.T, hold func(t *testing.T, out chart.Rendered)) {
	t.Helper()
	for name, values := range matrix {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold(t, render(t, inKubeSystem, values))
		})
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	version := chartutil.KubeVersion{Version: "v1.36.0", Major: "1", Minor: "36"}
	absolute, err := filepath.Abs(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range matrix {
		for _, message := range lint.AllWithKubeVersion(absolute, parsed(t, values), "kube-system", &version).Messages {
			if !strings.Contains(message.Err.Error(), "icon is recommended") && !strings.Contains(message.Err.Error(), "directory name") {
				t.Errorf("%s: %v", name, message)
			}
		}
	}
}

// The manifest in deploy/ is the chart with its defaults: whoever changes the chart runs "make manifest".
func TestTheManifestIsFresh(t *testing.T) {
	t.Parallel()
	want, err := chart.Manifest(chartDir, crdDir)
	if err != nil {
		t.Fatal(err)
	}
	if got := file("../../deploy/strongroom.yaml"); got != want {
		t.Error("deploy/strongroom.yaml is stale: run make manifest")
	}
}

func TestEveryObjectHasItsPlaceAndLabels(t *testing.T) {
	t.Parallel()
	cluster := map[string]bool{"ClusterRole": true, "ClusterRoleBinding": true, "CSIDriver": true}
	each(t, func(t *testing.T, out chart.Rendered) {
		for _, o := range append(out.Objects, out.Hooks...) {
			metadata, _ := o.Body["metadata"].(map[string]any)
			labels, _ := metadata["labels"].(map[string]any)
			if labels["app.kubernetes.io/part-of"] != "strongroom" || labels["app.kubernetes.io/instance"] != "strongroom" {
				t.Errorf("%s %s has labels %v", o.Kind(), o.Name(), labels)
			}
			if namespace, _ := metadata["namespace"].(string); (namespace == "kube-system") == cluster[o.Kind()] {
				t.Errorf("%s %s is in namespace %q", o.Kind(), o.Name(), namespace)
			}
		}
	})
}
