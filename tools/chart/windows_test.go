package chart_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"strongroom/tools/chart"
)

const systemAccount = `NT AUTHORITY\SYSTEM`

// accounts of the node that each program runs as. A mightier one here is a decision, to be explained in docs/security.md.
var accounts = map[string]string{"driver-windows": systemAccount, "provider-windows": `NT AUTHORITY\Local service`}

// What the API server and the runtime want of a process of the node, and that nothing more is asked for.
func TestOnWindowsTheyAreProcessesOfTheNode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, out chart.Rendered) {
		for part, w := range workloads(t, out) {
			if w.onWindows() != strings.HasSuffix(part, "-windows") || w.pod.Spec.NodeSelector["kubernetes.io/os"] != map[bool]string{true: "windows", false: "linux"}[w.onWindows()] {
				t.Errorf("%s goes to %v", part, w.pod.Spec.NodeSelector)
			}
			if !w.onWindows() {
				continue
			}
			spec, c := w.pod.Spec, w.container()
			options := spec.SecurityContext.WindowsOptions
			if !spec.HostNetwork || !is(options.HostProcess, true) || *options.RunAsUserName != accounts[part] || c.SecurityContext != nil || len(c.Command) != 0 {
				t.Errorf("%s: host network %v, %+v", part, spec.HostNetwork, options)
			}
			if spec.SecurityContext.RunAsUser != nil || spec.SecurityContext.SeccompProfile != nil || spec.HostPID || spec.HostIPC {
				t.Errorf("%s has what means nothing on Windows: %+v", part, spec.SecurityContext)
			}
			if token := !is(spec.AutomountServiceAccountToken, false); token != (part == "driver-windows") {
				t.Errorf("%s: a service account token is %v", part, token)
			}
			folder := spec.InitContainers[0]
			before := folder.SecurityContext.WindowsOptions
			if folder.Image != c.Image || !is(before.HostProcess, true) || *before.RunAsUserName != systemAccount || folder.Command[0] != "powershell.exe" {
				t.Errorf("%s: before it runs %v of %s as %+v", part, folder.Command, folder.Image, before)
			}
			for _, bounded := range []corev1.Container{c, folder} {
				if bounded.Resources.Limits.Memory().IsZero() || bounded.Resources.Requests.Memory().IsZero() {
					t.Errorf("%s: %s has no bounds on memory", part, bounded.Name)
				}
			}
			for _, v := range spec.Volumes {
				if v.HostPath != nil {
					t.Errorf("%s mounts %s, which it has anyway", part, v.HostPath.Path)
				}
			}
		}
	})
}

// The runtime starts a process by way of cmd.exe, to which some characters say something of their own.
func TestNothingOnWindowsIsReadByTheShell(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, out chart.Rendered) {
		for part, w := range workloads(t, out) {
			if !w.onWindows() {
				continue
			}
			for _, arg := range w.container().Args {
				if strings.ContainsAny(arg, `"&|<>^% `) {
					t.Errorf("%s: %s", part, arg)
				}
			}
			for _, word := range w.pod.Spec.InitContainers[0].Command {
				if strings.ContainsAny(word, "\"%\n") || strings.Contains(word, "$(") {
					t.Errorf("%s: %s", part, word)
				}
			}
		}
	})
}

// Both programs, the kubelet and the container that prepares the folder speak of the same places.
func TestPathsOnWindows(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]map[string]string{
		`{windows: {enabled: true}}`: {
			"driver-windows endpoint":                               `unix://C:\var\lib\kubelet\plugins\csi-secrets-store\csi.sock`,
			"driver-windows host-endpoint":                          `C:\var\lib\kubelet\plugins\csi-secrets-store\csi.sock`,
			"driver-windows registration-socket-dir":                `C:\var\lib\kubelet\plugins_registry`,
			"driver-windows provider-volume":                        `C:\k\secrets-store-csi-providers`,
			"driver-windows additional-provider-volume-paths":       ``,
			"driver-windows volumes":                                `plain`,
			"driver-windows FOLDER":                                 `C:\var\lib\kubelet\plugins\csi-secrets-store`,
			"driver-windows ACCOUNT":                                systemAccount,
			"provider-windows endpoint":                             `unix://C:\k\secrets-store-csi-providers\azure.sock`,
			"provider-windows FOLDER":                               `C:\k\secrets-store-csi-providers`,
			"provider-windows ACCOUNT":                              `NT AUTHORITY\Local service`,
			"provider-windows token-proxy-ca-file":                  `C:\strongroom\cluster\ca.crt`,
			"provider-windows write-cert-and-key-in-separate-files": `false`,
		},
		`{windows: {enabled: true, kubeletRootDir: 'D:/kubelet/', providersDir: 'D:/sockets', provider: {runAsUserName: strongroom}, driver: {additionalProvidersDirs: ['D:/more/', 'E:\a']}}}`: {
			"driver-windows host-endpoint":                    `D:\kubelet\plugins\csi-secrets-store\csi.sock`,
			"driver-windows provider-volume":                  `D:\sockets`,
			"driver-windows additional-provider-volume-paths": `D:\more,E:\a`,
			"provider-windows endpoint":                       `unix://D:\sockets\azure.sock`,
			"provider-windows FOLDER":                         `D:\sockets`,
			"provider-windows ACCOUNT":                        `strongroom`,
		},
	} {
		all := workloads(t, render(t, inKubeSystem, values))
		for what, value := range want {
			part, key, _ := strings.Cut(what, " ")
			got := args(all[part])
			for _, v := range all[part].pod.Spec.InitContainers[0].Env {
				got[v.Name] = v.Value
			}
			if got[key] != value {
				t.Errorf("%s: %s of %s is %q, not %q", values, key, part, got[key], value)
			}
		}
	}
}

// A file that a flag names is one that is mounted.
func TestFilesOnWindowsAreMounted(t *testing.T) {
	t.Parallel()
	provider := workloads(t, render(t, inKubeSystem, matrix["windows files"]))["provider-windows"]
	flags := args(provider)
	for _, flag := range []string{"token-proxy-ca-file", "cloud-file", "policy", "ca-file"} {
		i := slices.IndexFunc(provider.container().VolumeMounts, func(m corev1.VolumeMount) bool {
			return strings.HasPrefix(flags[flag], m.MountPath+`\`)
		})
		if i < 0 {
			t.Errorf("--%s is %q, which is not mounted", flag, flags[flag])
		}
	}
	if flags["cloud-files"] != `C:\strongroom\clouds` || flags["cloud-file"] != `C:\strongroom\clouds\own.json` {
		t.Errorf("clouds are %q and %q", flags["cloud-files"], flags["cloud-file"])
	}
}
