package chart_test

import (
	"slices"
	"strings"
	"testing"

	storagev1 "k8s.io/api/storage/v1"

	"strongroom/tools/chart"
)

func TestTheOlderBlockWins(t *testing.T) {
	t.Parallel()
	all := workloads(t, render(t, inKubeSystem, matrix["upstream azure"]))
	driver, provider := all["driver"], all["provider"]
	for flag, want := range map[string]string{
		"enable-secret-rotation": "false", "rotation-poll-interval": "30s", "sync-secrets": "true", "metrics-addr": ":8080",
	} {
		if got := args(driver)[flag]; got != want {
			t.Errorf("driver: --%s is %q, not %q", flag, got, want)
		}
	}
	if got := args(provider)["write-cert-and-key-in-separate-files"]; got != "true" {
		t.Errorf("provider: separate files are %q", got)
	}
	if driver.pod.Spec.NodeSelector["pool"] != "all" || provider.pod.Spec.NodeSelector["pool"] != "apps" {
		t.Errorf("node selectors are %v and %v", driver.pod.Spec.NodeSelector, provider.pod.Spec.NodeSelector)
	}
	limits := provider.container().Resources.Limits
	if got := limits.Cpu().String(); got != "50m" {
		t.Errorf("the provider's limit of CPU is %s", got)
	}
	limits = driver.container().Resources.Limits
	if got := limits.Cpu(); !got.IsZero() {
		t.Errorf("the driver took the provider's limit of CPU, %s", got)
	}
	for part, w := range all {
		if image := w.container().Image; image != "localhost/strongroom:0.1.0" {
			t.Errorf("%s would run %s", part, image)
		}
	}
}

func TestBothDaemonSetsOrOne(t *testing.T) {
	t.Parallel()
	all := workloads(t, render(t, inKubeSystem, `{linux: {podLabels: {a: both, b: both}, driver: {podLabels: {b: driver}}, provider: {podLabels: {b: provider}}}}`))
	for _, part := range []string{"driver", "provider"} {
		if labels := all[part].pod.Labels; labels["a"] != "both" || labels["b"] != part {
			t.Errorf("%s has labels %v", part, labels)
		}
	}
	if labels := all["controller"].pod.Labels; labels["a"] != "" {
		t.Errorf("the controller took the DaemonSets' labels: %v", labels)
	}
}

func TestFalseIsPassedOn(t *testing.T) {
	t.Parallel()
	all := workloads(t, render(t, inKubeSystem, `{constructPEMChain: false, enableSecretRotation: false}`))
	if args(all["provider"])["construct-pem-chain"] != "false" || args(all["driver"])["enable-secret-rotation"] != "false" {
		t.Error("a false is not passed on")
	}
}

func TestTheUserAgentReachesWhoeverAsksAzure(t *testing.T) {
	t.Parallel()
	const words = "shop: eu # 1"
	all := workloads(t, render(t, inKubeSystem, `{linux: {customUserAgent: "`+words+`"}, podIdentity: {enabled: true, customUserAgent: "`+words+`"}}`))
	for _, part := range []string{"provider", "mic", "nmi"} {
		if got := args(all[part])["custom-user-agent"]; got != words {
			t.Errorf("%s is told %q", part, got)
		}
	}
	if got, told := args(workloads(t, render(t, inKubeSystem, `{}`))["provider"])["custom-user-agent"]; told {
		t.Errorf("without the value the provider is told %q", got)
	}
}

func TestImageByDigest(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("ab", 32)
	for part, w := range workloads(t, render(t, inKubeSystem, `{linux: {image: {repository: registry.example/strongroom, tag: v9, digest: "`+digest+`"}}}`)) {
		if image := w.container().Image; image != "registry.example/strongroom@"+digest {
			t.Errorf("%s would run %s", part, image)
		}
	}
}

func TestCSIDriver(t *testing.T) {
	t.Parallel()
	for _, want := range []struct {
		kubernetes, values string
		inSecrets          bool
		audiences          []string
	}{
		{"1.34.4", ``, false, []string{"api://AzureADTokenExchange", "api://AKSIdentityBinding"}},
		{"1.35.0", ``, true, []string{"api://AzureADTokenExchange", "api://AKSIdentityBinding"}},
		{"1.36.3", `{enableSecretRotation: false, tokenRequests: []}`, false, nil},
		{"1.36.3", `{tokenRequests: [{audience: mine, expirationSeconds: 7200000}]}`, true, []string{"mine"}},
	} {
		release := inKubeSystem
		release.Kubernetes = want.kubernetes
		for _, o := range render(t, release, want.values).Objects {
			if o.Kind() != "CSIDriver" {
				continue
			}
			spec := decoded[storagev1.CSIDriver](t, o).Spec
			var audiences []string
			for _, request := range spec.TokenRequests {
				audiences = append(audiences, request.Audience)
			}
			if !slices.Equal(audiences, want.audiences) || is(spec.ServiceAccountTokenInSecrets, true) != want.inSecrets {
				t.Errorf("%s %s: tokens %v, in secrets %v", want.kubernetes, want.values, audiences, spec.ServiceAccountTokenInSecrets)
			}
			if !is(spec.RequiresRepublish, true) || !is(spec.PodInfoOnMount, true) || !is(spec.AttachRequired, false) || !slices.Equal(spec.VolumeLifecycleModes, []storagev1.VolumeLifecycleMode{"Ephemeral"}) {
				t.Errorf("%s: %+v", want.kubernetes, spec)
			}
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		`{enableArcExtension: true}`:                                                                  "linux.provider.env",
		`{Azure: {proxySettings: {isProxyEnabled: true}}}`:                                            "HTTPS_PROXY",
		`{linux: {image: {repository: mcr.microsoft.com/oss/v2/azure/secrets-store/provider-azure}}}`: "take linux.image out",
		`{linux: {image: {repository: registry.k8s.io/csi-secrets-store/driver}}}`:                    "take linux.image out",
		`{linux: {image: {repository: "r/strongroom:v1"}}}`:                                           "goes to linux.image.tag",
		`{linux: {image: {repository: "r:5000/s@sha256:ab"}}}`:                                        "goes to linux.image.tag",
		`{windows: {image: {repository: "r/strongroom:v1"}}}`:                                         "goes to windows.image.tag",
		`{linux: {image: {repository: ""}}}`:                                                          "linux.image.repository: is empty",
		`{startupTaint: {enabled: true}, controller: {enabled: false}}`:                               "nobody would take the taint off",
		`{linux: {healthzPort: ":8898"}}`:                                                             "linux.healthzPort and metricsAddr: are both port 8898",
		`{linux: {metricsAddr: ":9808"}}`:                                                             "linux.metricsAddr and livenessProbe.port: are both port 9808",
		`{metricsAddr: abc}`:                                                                          "/metricsAddr",
		`{metricsAddr: "0.0.0.0:8898"}`:                                                               "/metricsAddr",
		`{linux: {metricsAddr: "8095"}}`:                                                              "/linux/metricsAddr",
		`{cloudFile: other.json}`:                                                                     `cloudFiles has no "other.json"`,
		`{cloudFilesDir: clouds}`:                                                                     "cloudFilesDir",
		`{cloudFilesDir: /etc/kubernetes, windows: {enabled: true}}`:                                  "a directory of Linux containers",
		`{windows: {enabled: "yes"}}`:                                                                 "/windows/enabled",
		`{controller: null}`:                                                                          "--reset-then-reuse-values",
		`{sycnSecret: {enabled: true}}`:                                                               "'sycnSecret' not allowed",
		`{linux: {kubletRootDir: /x}}`:                                                                "'kubletRootDir' not allowed",
		`{secrets-store-csi-driver: {enabledSecretRotation: true}}`:                                   "'enabledSecretRotation' not allowed",
		`{rotationPollInterval: 2 minutes}`:                                                           "rotationPollInterval",
		`{policy: {rules: [{modes: [anything]}]}}`:                                                    "must be one of 'service-principal'",
		`{policy: {rule: []}}`:                                                                        "'rule' not allowed",
		`{linux: {image: {digest: abc}}}`:                                                             "digest",
		`{tokenRequests: [{audience: a, expirationSeconds: 60}]}`:                                     "expirationSeconds",
		`{podIdentity: {enabled: true, rbac: {pspEnabled: true}}}`:                                    "no PodSecurityPolicies",
		`{podIdentity: {enabled: true, operationMode: other}}`:                                        "operationMode",
		`{podIdentity: {enabled: true, nmi: {probPort: 1}}}`:                                          "'probPort' not allowed",
		`{podIdentity: {enabled: true, nmi: {probePort: x}}}`:                                         "probePort",
		`{podIdentity: {enabled: true, adminsecret: {tenantID: t}}}`:                                  "podIdentity.adminsecret.subscriptionID: is empty",
		`{podIdentity: {enabled: true, azureIdentities: [{name: a}]}}`:                                "azureIdentities",
		`{podIdentity: {enabled: true, azureIdentities: {a: {type: 0, resourceId: x}}}}`:              "'resourceId' not allowed",
		`{podIdentity: {enabled: true, startupTaint: {enabled: true}}, controller: {enabled: false}}`: "nobody would take the taint off",
		`{flexVolume: {targetDir: /}}`:                                                                "targetDir",
		`{flexVolume: {fetch: maybe}}`:                                                                "fetch",
	} {
		_, err := chart.Render(chartDir, inKubeSystem, parsed(t, values))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", values, err)
		}
	}
}

func TestNotesSayWhatWasDone(t *testing.T) {
	t.Parallel()
	out := render(t, inKubeSystem, matrix["upstream azure"])
	for _, want := range []string{"helm uninstall\" keeps them", "secrets-store-csi-driver of your values was read", "DaemonSet   csi-secrets-store-provider-azure", "Rotation is off", "Sync to Kubernetes Secrets is on"} {
		if !strings.Contains(out.Notes, want) {
			t.Errorf("the notes do not say %q:\n%s", want, out.Notes)
		}
	}
}

// CRDs come before everything that needs them, and the account that applies them before that.
func TestHooksComeInOrder(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, hook := range render(t, inKubeSystem, "").Hooks { // pod identity's are in podidentity_test.go
		metadata, _ := hook.Body["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		if annotations["helm.sh/hook"] != "pre-install,pre-upgrade" {
			t.Errorf("%s %s is a hook at %v", hook.Kind(), hook.Name(), annotations["helm.sh/hook"])
		}
		weight, _ := annotations["helm.sh/hook-weight"].(string)
		if (hook.Kind() == "Job") != (weight == "-10") {
			t.Errorf("%s has weight %s", hook.Kind(), weight)
		}
		kinds = append(kinds, hook.Kind())
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, []string{"ClusterRole", "ClusterRoleBinding", "Job", "ServiceAccount"}) {
		t.Errorf("the hooks are %v", kinds)
	}
	if off := render(t, inKubeSystem, `{linux: {crds: {enabled: false}}}`).Hooks; len(off) != 0 {
		t.Errorf("%d hooks with linux.crds.enabled off", len(off))
	}
}
