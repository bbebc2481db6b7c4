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
	apiDir   = "../../api"
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

	"pod identity":       `{podIdentity: {enabled: true}}`,
	"managed":            `{podIdentity: {enabled: true, operationMode: Managed}}`,
	"pod identity alone": `{linux: {enabled: false}, controller: {enabled: false}, podIdentity: {enabled: true, forceNamespaced: "true", installMICException: "false"}}`,
	"beside a driver":    `{secrets-store-csi-driver: {install: false}, podIdentity: {enabled: true}}`,
	"admin secret":       `{podIdentity: {enabled: true, adminsecret: {cloud: AzurePublicCloud, subscriptionID: s, resourceGroup: g, vmType: vmss, tenantID: t, clientID: c, clientSecret: planted}, mic: {customCloud: {enabled: true}}}}`,
	"identities":         file("testdata/identities.yaml"),
	"original identity":  file("testdata/original-podidentity.yaml"),
	"every default":      file("testdata/original-defaults.yaml"),
	"mic everywhere":     `{caBundle: "-----BEGIN CERTIFICATE-----", networkPolicy: {enabled: true}, podIdentity: {enabled: true, mic: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}], podDisruptionBudget: {minAvailable: 1}, leaderElection: {namespace: kube-system, name: mine, duration: 30s}, eagerAttach: true, detachDelay: 0s, immutableUserMSIs: [a, b]}}}`,
	"identity taint":     `{podIdentity: {enabled: true, startupTaint: {enabled: true}, mic: {tolerations: []}}, controller: {tolerations: []}, linux: {tolerations: [{key: a, operator: Exists}]}}`,
	"both named":         `{fullnameOverride: vault, podIdentity: {enabled: true, rbac: {allowAccessToSecrets: false, createUserFacingClusterRoles: true}}, flexVolume: {enabled: true}}`,
	"flexvolume":         `{flexVolume: {enabled: true, targetDir: /usr/libexec/kubernetes/kubelet-plugins/volume/exec/, fetch: direct, timeout: 30s}, policy: {rules: [{vaults: [kv]}]}, caBundle: x, cloudFiles: {own.json: "{}"}, cloudFile: own.json}`,
	"upstream azure":     file("testdata/upstream-azure.yaml"),

	"their driver's suite":   file("testdata/suite-driver.yaml"),
	"their provider's suite": file("testdata/suite-provider.yaml"),

	"windows":          `{windows: {enabled: true}}`,
	"windows alone":    `{linux: {enabled: false}, windows: {enabled: true}, syncSecret: {enabled: true}}`,
	"windows driver":   `{windows: {enabled: true, provider: {enabled: false}, metricsAddr: ""}}`,
	"windows provider": `{secrets-store-csi-driver: {install: false}, windows: {enabled: true, additionalProvidersDirs: null}}`,
	"windows named":    `{fullnameOverride: vault, commonLabels: {team: a}, imagePullSecrets: [{name: pull}], windows: {enabled: true}}`,
	"windows files":    `{cloudFiles: {own.json: "{}"}, cloudFile: own.json, caBundle: x, lastKnownGood: 15m, networkPolicy: {enabled: true}, policy: {rules: [{vaults: [kv]}]}, windows: {enabled: true, provider: {env: [{name: HTTPS_PROXY, value: "http://proxy"}], volumes: [{name: own, emptyDir: {}}], volumeMounts: [{name: own, mountPath: 'C:\own'}]}}}`,
	"windows taints":   `{startupTaint: {enabled: true}, windows: {enabled: true, tolerations: [], nodeSelector: {pool: win}, driver: {additionalProvidersDirs: ['D:/more/', 'C:\again'], kubeletRootDir: 'D:/kubelet/'}}, podIdentity: {enabled: true}, flexVolume: {enabled: true}}`,
	"windows upstream": file("testdata/upstream-windows.yaml"),
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

// The manifests in deploy/ are the chart: whoever changes that runs "make manifest".
func TestTheManifestsAreFresh(t *testing.T) {
	t.Parallel()
	for _, form := range chart.Forms() {
		want, err := chart.Manifest(chartDir, apiDir, form)
		if err != nil {
			t.Fatal(err)
		}
		if got := file("../../deploy/" + form.File); got != want {
			t.Errorf("deploy/%s is stale: run make manifest", form.File)
		}
	}
}

// One command makes all of pod identity, in the order of the text: nothing in it is of a kind that it brings.
func TestManifestsOfPodIdentityNeedOneCommand(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"pod-identity.yaml": "CustomResourceDefinition CustomResourceDefinition CustomResourceDefinition CustomResourceDefinition " +
			"ServiceAccount ServiceAccount ClusterRole ClusterRole ClusterRoleBinding ClusterRoleBinding Role Role RoleBinding RoleBinding DaemonSet Deployment",
		"pod-identity-managed.yaml": "CustomResourceDefinition CustomResourceDefinition CustomResourceDefinition " +
			"ServiceAccount ClusterRole ClusterRoleBinding Role RoleBinding DaemonSet",
	} {
		var kinds []string
		for _, text := range strings.Split(file("../../deploy/"+name), "\n---\n") {
			object := parsed(t, text)
			kind, known := object["kind"].(string)
			if !known {
				continue // the preamble
			}
			kinds = append(kinds, kind)
			metadata, _ := object["metadata"].(map[string]any)
			if namespace, set := metadata["namespace"]; set && namespace != "default" {
				t.Errorf("%s: %s %v is in %v", name, kind, metadata["name"], namespace)
			}
		}
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("%s has %s", name, got)
		}
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
