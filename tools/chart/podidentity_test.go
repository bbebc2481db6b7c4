package chart_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"strongroom/tools/chart"
)

// What the replaced chart's values say, in its spellings, is done; what has no meaning any more is taken.
func TestTheOriginalsValuesAreUnderstood(t *testing.T) {
	t.Parallel()
	all := workloads(t, render(t, inKubeSystem, matrix["original identity"]))
	for part, want := range map[string]map[string]string{
		"mic": {
			"forceNamespaced": "true", "syncRetryDuration": "30s", "createDeleteBatch": "40", "identity-assignment-reconcile-interval": "2m",
			"lease-namespace": "kube-system", "leader-election-name": "mine", "http-probe-port": "8081", "prometheus-port": "9091",
			"v": "5", "log-format-json": "true", "custom-user-agent": "shop", "cloudconfig": "/etc/kubernetes/azure.json",
		},
		"nmi": {
			"forceNamespaced": "true", "ipt-update-interval-sec": "30", "retry-attempts-for-created": "1", "retry-attempts-for-assigned": "1",
			"find-identity-retry-interval": "1", "set-retry-after-header": "true", "block-instance-metadata": "true",
			"allow-network-plugin-kubenet": "true", "http-probe-port": "8085", "v": "0",
			"except": "kube-system/app.kubernetes.io/component=mic,kube-system/kubernetes.azure.com/managedby=aks",
		},
	} {
		got := args(all[part])
		for flag, value := range want {
			if got[flag] != value {
				t.Errorf("%s: --%s is %q, not %q", part, flag, got[flag], value)
			}
		}
		if pull := all[part].pod.Spec.ImagePullSecrets; len(pull) != 1 || pull[0].Name != "pull" {
			t.Errorf("%s pulls with %v", part, pull)
		}
	}
	if pull := all["driver"].pod.Spec.ImagePullSecrets; len(pull) != 0 {
		t.Errorf("the driver took pod identity's: %v", pull)
	}
}

// Its defaults are ours, but where its own had a hole: instance metadata, and connections from before.
func TestTheOriginalsDefaultsChangeNothingElse(t *testing.T) {
	t.Parallel()
	ours := workloads(t, render(t, inKubeSystem, matrix["pod identity"]))
	original := workloads(t, render(t, inKubeSystem, matrix["every default"]))
	for _, part := range []string{"mic", "nmi"} {
		want, got := args(ours[part]), args(original[part])
		delete(want, "block-instance-metadata") // theirs is empty: the program's own default, which is true
		if part == "nmi" {
			if got["enable-conntrack-deletion"] != "false" {
				t.Error("the original's false is not passed on")
			}
			want["enable-conntrack-deletion"] = "false" // said by the file
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, not %v", part, got, want)
		}
	}
}

func TestManagedModeHasNoMIC(t *testing.T) {
	t.Parallel()
	out := render(t, inKubeSystem, matrix["managed"])
	for _, o := range append(out.Objects, out.Hooks...) {
		if strings.Contains(o.Name(), "mic") {
			t.Errorf("%s %s", o.Kind(), o.Name())
		}
	}
	nmi := args(workloads(t, out)["nmi"])
	if nmi["operation-mode"] != "managed" || nmi["forceNamespaced"] != "true" || nmi["except"] != "kube-system/kubernetes.azure.com/managedby=aks" {
		t.Errorf("%v", nmi)
	}
	if nmi := args(workloads(t, render(t, inKubeSystem, matrix["pod identity alone"]))["nmi"]); nmi["except"] != "" {
		t.Errorf("installMICException \"false\" excepts %s", nmi["except"])
	}
}

// What the operator calls out with a Secret reaches MIC by environment, under the original's keys, and nothing prints it.
func TestTheAdministratorsSecret(t *testing.T) {
	t.Parallel()
	out := render(t, inKubeSystem, matrix["admin secret"])
	mic := workloads(t, out)["mic"]
	if _, set := args(mic)["cloudconfig"]; set {
		t.Error("azure.json is read as well")
	}
	variables := map[string]string{}
	for _, e := range mic.container().Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			variables[e.Name] = e.ValueFrom.SecretKeyRef.Key
		}
	}
	if variables["CLIENT_SECRET"] != "ClientSecret" || variables["VM_TYPE"] != "VMType" || len(variables) != 9 {
		t.Errorf("%v", variables)
	}
	for _, o := range out.Objects {
		if o.Kind() == "Secret" {
			if s := decoded[corev1.Secret](t, o); o.Name() != "aadpodidentity-admin-secret" || string(s.Data["ClientSecret"]) != "planted" {
				t.Errorf("%s: %v", o.Name(), slices.Sorted(maps.Keys(s.Data)))
			}
		} else if strings.Contains(o.Text, "planted") {
			t.Errorf("%s %s has the client secret", o.Kind(), o.Name())
		}
	}
	if strings.Contains(out.Notes, "planted") {
		t.Error("the notes have the client secret")
	}
}

// identityHooks are the objects of pod identity's own kinds, by whether they are hooks.
func identityObjects(out chart.Rendered) (objects, hooks []string) {
	for _, o := range out.Objects {
		if strings.HasPrefix(o.Kind(), "Azure") {
			objects = append(objects, o.Kind()+" "+o.Name())
		}
	}
	for _, o := range out.Hooks {
		if strings.HasPrefix(o.Kind(), "Azure") {
			hooks = append(hooks, o.Kind()+" "+o.Name())
		}
	}
	slices.Sort(objects)
	slices.Sort(hooks)
	return objects, hooks
}

// A hook would be deleted and made anew by every upgrade, and with it, for a moment, what pods have. So they are hooks
// only as long as Helm cannot know their kinds, and are marked so that the next upgrade takes them over.
func TestIdentitiesAreHooksOnlyBeforeTheirKindsAreKnown(t *testing.T) {
	t.Parallel()
	want := []string{"AzureIdentity lonely", "AzureIdentity service", "AzureIdentity shop", "AzureIdentityBinding shop-binding"}
	out := render(t, inKubeSystem, matrix["identities"])
	if objects, hooks := identityObjects(out); len(objects) != 0 || !slices.Equal(hooks, want) {
		t.Errorf("at first: %v and %v", objects, hooks)
	}
	for _, o := range out.Hooks {
		if strings.HasPrefix(o.Kind(), "Azure") {
			metadata, _ := o.Body["metadata"].(map[string]any)
			labels, _ := metadata["labels"].(map[string]any)
			annotations, _ := metadata["annotations"].(map[string]any)
			if labels["app.kubernetes.io/managed-by"] != "Helm" || annotations["meta.helm.sh/release-name"] != "strongroom" ||
				annotations["meta.helm.sh/release-namespace"] != "kube-system" || annotations["helm.sh/hook"] != "post-install,post-upgrade" {
				t.Errorf("%s %s cannot be taken over: %v, %v", o.Kind(), o.Name(), labels, annotations)
			}
		}
	}
	known := inKubeSystem
	known.Knows = []string{"aadpodidentity.k8s.io/v1/AzureIdentity"}
	out = render(t, known, matrix["identities"])
	if objects, hooks := identityObjects(out); len(hooks) != 0 || !slices.Equal(objects, want) {
		t.Errorf("once known: %v and %v", objects, hooks)
	}
	for _, o := range out.Objects {
		if o.Name() == "service" && o.Kind() == "AzureIdentity" {
			spec, _ := json.Marshal(o.Body["spec"])
			if string(spec) != `{"auxiliaryTenantIDs":["fabrikam.example"],"clientID":"00000000-0000-0000-0000-000000000002","clientPassword":{"name":"creds","namespace":"kube-system"},"tenantID":"contoso.example","type":1}` {
				t.Errorf("%s", spec)
			}
			if strings.Contains(o.Text, "annotations:") {
				t.Errorf("an object of the release has annotations: %s", o.Text)
			}
		}
	}
}

// Whoever the start-up taints wait for runs on nodes that have them, whatever tolerations people set.
func TestStartupTaintsAreTolerated(t *testing.T) {
	t.Parallel()
	all := workloads(t, render(t, inKubeSystem, strings.Replace(matrix["identity taint"], "{podIdentity", "{startupTaint: {enabled: true}, podIdentity", 1)))
	for part, w := range all {
		for _, key := range []string{"aadpodidentity.k8s.io/agent-not-ready", "secrets-store.csi.k8s.io/agent-not-ready"} {
			for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute} {
				taint := corev1.Taint{Key: key, Effect: effect}
				if !slices.ContainsFunc(w.pod.Spec.Tolerations, func(t corev1.Toleration) bool {
					return (t.Key == "" || t.Key == taint.Key) && t.Operator == corev1.TolerationOpExists && (t.Effect == "" || t.Effect == taint.Effect)
				}) {
					t.Errorf("%s does not tolerate %s:%s", part, key, effect)
				}
			}
		}
	}
	controller, nmi := args(all["controller"]), all["nmi"]
	if _, set := controller["remove-pod-identity-taint"]; !set || controller["nmi-namespace"] != "$(POD_NAMESPACE)" {
		t.Errorf("%v", controller)
	}
	_, selector, _ := strings.Cut(strings.Join(all["controller"].container().Args, " "), "--nmi-selector=")
	selector, _, _ = strings.Cut(selector, " ")
	for _, term := range strings.Split(selector, ",") {
		if key, value, _ := strings.Cut(term, "="); nmi.pod.Labels[key] != value {
			t.Errorf("NMI is not what %s selects", selector)
		}
	}
}

// The CRDs of what is installed are applied, and no others.
func TestDefinitionsThatAreNeeded(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"defaults":           "crds --apply",
		"pod identity":       "crds --apply --pod-identity",
		"beside a driver":    "crds --apply --secrets-store=false --pod-identity",
		"pod identity alone": "crds --apply --secrets-store=false --pod-identity",
		"provider only":      "",
	} {
		got := ""
		if job, there := workloads(t, render(t, inKubeSystem, matrix[name]))["crds"]; there {
			got = strings.Join(job.container().Args, " ")
		}
		if got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
}

// The provider's settings hold for the FlexVolume driver, as files beside the program.
func TestTheFlexVolumesSettings(t *testing.T) {
	t.Parallel()
	out := render(t, inKubeSystem, matrix["flexvolume"])
	flex := workloads(t, out)["flexvolume"]
	if got := args(flex)["target-dir"]; got != "/usr/libexec/kubernetes/kubelet-plugins/volume/exec" || flex.container().VolumeMounts[0].MountPath != got {
		t.Errorf("it goes to %s", got)
	}
	for _, o := range out.Objects {
		if o.Kind() != "ConfigMap" || o.Name() != "keyvault-flexvolume" {
			continue
		}
		files := decoded[corev1.ConfigMap](t, o).Data
		var settings map[string]string
		if err := json.Unmarshal([]byte(files["kv.json"]), &settings); err != nil {
			t.Fatal(err)
		}
		for _, setting := range []string{"policy", "ca-file", "cloud-file"} {
			if files[settings[setting]] == "" {
				t.Errorf("%s is %q, and there is no such file", setting, settings[setting])
			}
		}
		if settings["fetch"] != "direct" || settings["timeout"] != "30s" || settings["provider-volume"] != "/var/run/secrets-store-csi-providers" {
			t.Errorf("%v", settings)
		}
		return
	}
	t.Error("there are no settings")
}
