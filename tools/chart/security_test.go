package chart_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"strongroom/tools/chart"
)

// workload is a pod template and what it stands in, whatever kind that is.
type workload struct {
	kind, name string
	selector   map[string]string
	pod        corev1.PodTemplateSpec
}

func (w workload) container() corev1.Container { return w.pod.Spec.Containers[0] }

// onWindows is what the pod says of itself; the API server then refuses whatever has a meaning on Linux alone.
func (w workload) onWindows() bool {
	return w.pod.Spec.OS != nil && w.pod.Spec.OS.Name == corev1.Windows
}

// subcommand is the words before the flags.
func (w workload) subcommand() []string {
	args := w.container().Args
	if i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") }); i >= 0 {
		return slices.Clone(args[:i])
	}
	return slices.Clone(args)
}

// workloads by the subcommand they run; the Job that lets go of what MIC has assigned is "release", and what runs on
// Windows nodes has "-windows" behind it. Fields that Kubernetes does not know fail the test.
func workloads(t *testing.T, out chart.Rendered) map[string]workload {
	t.Helper()
	all := map[string]workload{}
	for _, o := range append(out.Objects, out.Hooks...) {
		var w workload
		switch o.Kind() {
		case "DaemonSet":
			d := decoded[appsv1.DaemonSet](t, o)
			w = workload{o.Kind(), d.Name, d.Spec.Selector.MatchLabels, d.Spec.Template}
		case "Deployment":
			d := decoded[appsv1.Deployment](t, o)
			w = workload{o.Kind(), d.Name, d.Spec.Selector.MatchLabels, d.Spec.Template}
		case "Job":
			j := decoded[batchv1.Job](t, o)
			w = workload{o.Kind(), j.Name, nil, j.Spec.Template}
		default:
			continue
		}
		part := w.container().Args[0]
		if slices.Contains(w.container().Args, "--release") {
			part = "release"
		}
		before := 0
		if w.onWindows() {
			part, before = part+"-windows", 1
		}
		if len(w.pod.Spec.Containers) != 1 || len(w.pod.Spec.InitContainers) != before {
			t.Errorf("%s has other containers than its own", w.name)
		}
		all[part] = w
	}
	return all
}

func decoded[T any](t *testing.T, o chart.Object) (into T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(o.Text), &into); err != nil {
		t.Errorf("%s %s: %v", o.Kind(), o.Name(), err)
	}
	return into
}

// names are the ones scripts know: workload, label app, container, service account.
var names = map[string][4]string{
	"driver":     {"secrets-store-csi-driver", "secrets-store-csi-driver", "secrets-store", "secrets-store-csi-driver"},
	"provider":   {"csi-secrets-store-provider-azure", "csi-secrets-store-provider-azure", "provider-azure-installer", "csi-secrets-store-provider-azure"},
	"controller": {"strongroom-controller", "strongroom-controller", "controller", "strongroom-controller"},
	"crds":       {"strongroom-crds", "strongroom-crds", "crds", "strongroom-crds"},
	"mic":        {"aad-pod-identity-mic", "mic", "mic", "aad-pod-id-mic-service-account"},
	"nmi":        {"aad-pod-identity-nmi", "nmi", "nmi", "aad-pod-id-nmi-service-account"},
	"release":    {"strongroom-mic-release", "strongroom-mic-release", "release", "strongroom-mic-release"},
	"flexvolume": {"keyvault-flexvolume", "keyvault-flexvolume", "installer", "keyvault-flexvolume"},

	"driver-windows":   {"secrets-store-csi-driver-windows", "secrets-store-csi-driver", "secrets-store", "secrets-store-csi-driver"},
	"provider-windows": {"csi-secrets-store-provider-azure-windows", "csi-secrets-store-provider-azure", "provider-azure-installer", "csi-secrets-store-provider-azure"},
}

// hooks are never called otherwise.
func isHook(part string) bool { return part == "crds" || part == "release" }

func TestNamesThatScriptsKnow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, out chart.Rendered) {
		overridden := strings.Contains(t.Name(), "named")
		for part, w := range workloads(t, out) {
			want := names[part]
			if overridden && !isHook(part) {
				want[0] = "vault-" + part
			}
			if got := [4]string{w.name, w.pod.Labels["app"], w.container().Name, w.pod.Spec.ServiceAccountName}; got != want {
				t.Errorf("%s is called %v, not %v", part, got, want)
			}
			if component := w.pod.Labels["component"]; (part == "mic" || part == "nmi") && (component != part || w.pod.Labels["app.kubernetes.io/component"] != part) {
				t.Errorf("%s has the component %q", part, component)
			}
			for key, value := range w.selector {
				if w.pod.Labels[key] != value {
					t.Errorf("%s does not select its own pods", part)
				}
			}
		}
	})
}

// capabilities beyond none: NMI changes the node's rules (NET_ADMIN), by the node's own programs (SYS_CHROOT), of which
// iptables-legacy opens a raw socket to the kernel (NET_RAW). It reads root's files as root, not against their modes.
var capabilities = map[string][]corev1.Capability{"nmi": {"NET_ADMIN", "NET_RAW", "SYS_CHROOT"}}

// What each workload may do to its Linux node; windows_test.go has the others. A wider line here is a decision, to be explained in docs/security.md.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, out chart.Rendered) {
		loose := strings.Contains(t.Name(), "openshift")
		for part, w := range workloads(t, out) {
			if w.onWindows() {
				continue
			}
			spec, c := w.pod.Spec, w.container()
			security := c.SecurityContext
			root := part != "controller" && !isHook(part)
			privileged := part == "driver" || part == "provider" && loose
			if !is(security.ReadOnlyRootFilesystem, true) {
				t.Errorf("%s can write to its root", part)
			}
			if is(security.Privileged, true) != privileged {
				t.Errorf("%s: privileged is %v", part, !privileged)
			}
			if !privileged && (!is(security.AllowPrivilegeEscalation, false) || security.Capabilities == nil || !slices.Equal(security.Capabilities.Drop, []corev1.Capability{"ALL"}) || !slices.Equal(security.Capabilities.Add, capabilities[part])) {
				t.Errorf("%s has capabilities: %+v", part, security)
			}
			if root != (security.RunAsUser != nil && *security.RunAsUser == 0) || root == is(spec.SecurityContext.RunAsNonRoot, true) {
				t.Errorf("%s: root is %v", part, !root)
			}
			if spec.SecurityContext.SeccompProfile == nil || spec.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s has no seccomp profile", part)
			}
			if spec.HostPID || spec.HostIPC || spec.HostNetwork && part != "provider" && part != "nmi" {
				t.Errorf("%s shares the host's processes or network", part)
			}
			if token := !is(spec.AutomountServiceAccountToken, false); token == (part == "provider" || part == "flexvolume") {
				t.Errorf("%s: a service account token is %v", part, token)
			}
			resources := c.Resources
			if resources.Limits.Memory().IsZero() || resources.Requests.Memory().IsZero() {
				t.Errorf("%s has no bounds on memory", part)
			}
			if spec.NodeSelector["kubernetes.io/os"] != "linux" {
				t.Errorf("%s may run on Windows", part)
			}
		}
	})
}

func is(b *bool, want bool) bool { return b != nil && *b == want }

// What of the host each workload sees.
func TestHostPaths(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"driver": {
			"/etc/kubernetes/secrets-store-csi-providers", "/var/lib/kubelet/plugins/csi-secrets-store",
			"/var/lib/kubelet/plugins_registry", "/var/lib/kubelet/pods", "/var/run/secrets-store-csi-providers",
		},
		"provider":   {"/var/run/secrets-store-csi-providers"},
		"mic":        {"/etc/kubernetes/azure.json"},
		"nmi":        {"/"},
		"flexvolume": {"/etc/kubernetes/volumeplugins"},
	}
	for part, w := range workloads(t, render(t, inKubeSystem, `{podIdentity: {enabled: true}, flexVolume: {enabled: true}}`)) {
		var paths []string
		for _, v := range w.pod.Spec.Volumes {
			if v.HostPath != nil {
				paths = append(paths, v.HostPath.Path)
			}
		}
		slices.Sort(paths)
		if !slices.Equal(paths, want[part]) {
			t.Errorf("%s sees %v of the host, not %v", part, paths, want[part])
		}
		for _, m := range w.container().VolumeMounts {
			bidirectional := m.MountPropagation != nil && *m.MountPropagation == corev1.MountPropagationBidirectional
			if bidirectional != (m.MountPath == "/var/lib/kubelet/pods") {
				t.Errorf("%s: propagation of %s", part, m.MountPath)
			}
		}
	}
}

// Of the node's files NMI can write what is mounted beneath / (its lock and /proc/sys), and nothing of / itself. Were the
// mount read-only all the way down, it could not set route_localnet.
func TestWhatNMIWritesOfItsNode(t *testing.T) {
	t.Parallel()
	nmi := workloads(t, render(t, inKubeSystem, matrix["pod identity"]))["nmi"]
	for _, m := range nmi.container().VolumeMounts {
		if !m.ReadOnly || m.RecursiveReadOnly != nil {
			t.Errorf("%s: read-only is %v, recursively %v", m.MountPath, m.ReadOnly, m.RecursiveReadOnly)
		}
	}
	if got := args(nmi)["host-root"]; got != "/host" {
		t.Errorf("the node's files are looked for in %s", got)
	}
}

// With an administrator's Secret MIC sees nothing of the node, and without one a single file.
func TestWhatMICSeesOfItsNode(t *testing.T) {
	t.Parallel()
	mic := workloads(t, render(t, inKubeSystem, strings.Replace(matrix["admin secret"], "customCloud: {enabled: true}", "replicas: 1", 1)))["mic"]
	if len(mic.pod.Spec.Volumes) != 0 {
		t.Errorf("%v", mic.pod.Spec.Volumes)
	}
	for _, v := range workloads(t, render(t, inKubeSystem, matrix["admin secret"]))["mic"].pod.Spec.Volumes {
		if v.HostPath.Path != "/etc/kubernetes/akscustom.json" || *v.HostPath.Type != corev1.HostPathFile {
			t.Errorf("%v", v)
		}
	}
}

func TestEveryMountHasItsVolume(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, out chart.Rendered) {
		configured := map[string]bool{"kube-root-ca.crt": true}
		for _, o := range out.Objects {
			if o.Kind() == "ConfigMap" {
				configured[decoded[struct {
					metav1.TypeMeta   `json:",inline"`
					metav1.ObjectMeta `json:"metadata"`
					Data              map[string]string `json:"data"`
				}](t, o).Name] = true
			}
		}
		for part, w := range workloads(t, out) {
			volumes := map[string]bool{}
			for _, v := range w.pod.Spec.Volumes {
				volumes[v.Name] = true
				if v.ConfigMap != nil && !configured[v.ConfigMap.Name] {
					t.Errorf("%s: there is no ConfigMap %s", part, v.ConfigMap.Name)
				}
			}
			for _, m := range w.container().VolumeMounts {
				if !volumes[m.Name] {
					t.Errorf("%s mounts %s, which is no volume", part, m.Name)
				}
				delete(volumes, m.Name)
			}
			if len(volumes) > 0 {
				t.Errorf("%s has volumes nobody mounts: %v", part, volumes)
			}
		}
	})
}
